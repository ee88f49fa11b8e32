"""Bands against a storage-attached index: `python tests/bench/rank_leads.py PORT LEADS TURNS`.

Every lead is scored TURNS times, its logit wandering by 0.25 a score, and both tables are written and read on the Cassandra at PORT.
docs/adr/0009-rank-leads-by-band.md says what came out. Makes the keyspace `bench_rank_leads` and leaves it there.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from math import exp
from pathlib import Path
from random import Random
from typing import Any

from cassandra.concurrent import execute_concurrent_with_args

sys.path.insert(0, str(Path(__file__).parents[2]))

from connectors.cassandra import plan as planning
from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.leads import LeadStore
from connectors.cassandra.ranking import GRADES, rank_of
from connectors.cassandra.writer import ResultsWriter
from infra.cassandra import prepare_keyspace
from schemas.score import LeadScore
from tests.builders import MONDAY, TENANT, later
from tests.results import a_score

BATCH, BUCKETS = 2_000, 8
ROW = "tenant, bucket, lead, grade, propensity, as_of"
TABLE = "CREATE TABLE IF NOT EXISTS leads_sai (tenant text, bucket int, lead text, grade text, propensity double, as_of timestamp,"
INSERT = f"INSERT INTO leads_sai ({ROW}) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
FROM = f"SELECT {ROW} FROM leads_sai WHERE tenant = ? AND bucket = ? AND propensity >= ? AND propensity < ?"


def main(port: int, leads: int, turns: int) -> None:
    config = CassandraConfig(port=port, keyspace="bench_rank_leads")
    prepare_keyspace(config)
    with CassandraClient(config, request_timeout_s=60) as client, ResultsWriter(config) as writer:
        client.session().execute(f"{TABLE} PRIMARY KEY ((tenant, bucket), lead))")
        for column in ("propensity", "grade"):
            client.session().execute(f"CREATE INDEX IF NOT EXISTS ON leads_sai ({column}) USING 'sai'")
        write(client, writer, leads, turns)
        read(client, leads)


def write(client: CassandraClient, writer: ResultsWriter, leads: int, turns: int) -> None:
    random, bands, spent, deletes = Random(5), dict[str, int](), defaultdict[str, float](float), 0
    logits = [random.gauss(-1.7, 1.2) for _ in range(leads)]
    for turn in range(1, turns + 1):
        logits = [logit + random.gauss(0, 0.25) for logit in logits]
        for first in range(0, leads, BATCH):
            of_batch = enumerate(logits[first : first + BATCH], start=first)
            scores = [
                a_score(f"lead-{n:07}", sequence=turn, propensity=1 / (1 + exp(-logit)), at=later(MONDAY, seconds=turn)) for n, logit in of_batch
            ]
            ranks: defaultdict[str, list[Any]] = defaultdict(list)
            planned = planning.plan(scores, bands, writer._places)
            for statement in (w for writes in planned.writes.values() for w in writes):
                if statement.query in (planning.INSERT_RANK, planning.DELETE_RANK, planning.INSERT_BAND):
                    ranks[statement.query].append(statement.parameters)
            writer._places |= planned.places
            bands |= planned.ranks
            deletes += len(ranks[planning.DELETE_RANK])
            spent["bands"] += seconds(lambda ranks=ranks: [send(client, query, rows) for query, rows in ranks.items()])
            spent["sai"] += seconds(lambda scores=scores: send(client, INSERT, [sai_row(s) for s in scores]))
    written = leads * turns
    sys.stdout.write(
        f"{leads} leads, {written} scores: bands {written / spent['bands']:.0f} scores/s ({deletes / written:.2f} deletes a score)" + "\n"
    )
    sys.stdout.write(f"  index {written / spent['sai']:.0f} scores/s" + "\n")


def read(client: CassandraClient, leads: int) -> None:
    store = LeadStore(client)
    after = store.ranked(TENANT, limit=leads // 3).next
    edge = store.ranked(TENANT, limit=60).items[-1].propensity
    assert after is not None
    report("bands, first 50", lambda: store.ranked(TENANT, limit=50))
    report("bands, first 50 of C3 (dense)", lambda: store.ranked(TENANT, grades=frozenset(GRADES[8:9]), limit=50))
    report("bands, 50 from a third down", lambda: store.ranked(TENANT, limit=50, after=after))
    report("index, first 50, their edge known", lambda: between(client, edge, 1.1))
    report("index, a range of 0.005 from a third down", lambda: between(client, after.propensity - 0.005, after.propensity))


def between(client: CassandraClient, low: float, high: float) -> list[Any]:
    rows = client.rows_of_all(FROM, [(TENANT, bucket, low, high) for bucket in range(BUCKETS)])
    return sorted(rows, key=lambda row: (-row.propensity, row.lead))[:50]


def sai_row(s: LeadScore) -> tuple[Any, ...]:
    return (s.tenant, sum(s.lead.encode()) % BUCKETS, s.lead, s.grade, s.propensity, s.as_of, rank_of(s))


def send(client: CassandraClient, query: str, rows: list[Any]) -> None:
    execute_concurrent_with_args(client.session(), client.prepare(query), rows, concurrency=64)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(name: str, work: Callable[[], object]) -> None:
    taken = sorted(1_000 * seconds(work) for _ in range(30))
    sys.stdout.write(f"  {name}: p50 {taken[15]:.0f} ms, worst {taken[-1]:.0f} ms" + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
