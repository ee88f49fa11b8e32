"""A storm over the job itself: `push_scores` and `store_results` on a session cluster, a CRM with every fault at once, the job killed twice.

`python -m tests.job_storm`, or `make jobstorm`: 100,000 scores of 10,000 leads as they would come, in real time, some fifteen minutes.
`kill -9` meets the TaskManager that runs the job; a spare one stands by, as in a deployment.
At the end each contact is compared with Cassandra, each write with the one before it.
"""

import secrets
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic, sleep
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.scores import ScoreStore
from infra.stack import Stack
from infra.stack.flink import FlinkCluster
from infra.stack.progress import Shown
from jobs.operators.wall_clock import now_ms
from schemas.ids import lead_key
from schemas.push import DELIVERED, PushReport
from schemas.score import LeadScore
from schemas.topics import Topic
from tests.builders import TENANT
from tests.delays import Change, Restart, Write, changes, told
from tests.e2e.deployment import Deployment
from tests.e2e.waiting import until
from tests.fakes.faults import Faults
from tests.fakes.hubspot import CLIENT_ID, CLIENT_SECRET, REFRESH, HubSpot
from tests.fakes.server import Server
from tests.sealed import VARIABLE, sealed
from tests.storm import scores_of

SHARE = 0.15
LATENCY_S = 0.1
SETTLED_WITHIN_S = 900.0
LOCKED_EVERY_S = 5.0
"""So often a hundred records are locked for one write each."""


class Aftermath(NamedTuple):
    """What a storm left.

    Parameters
    ----------
    wrong
        Leads whose contact shows another grade than Cassandra has.
    lost
        Leads without a report that their latest grade was delivered.
    backwards
        Leads that once showed an older score over a newer one.
    first, later
        Writes of leads that the CRM did not have, and all others; a write that came twice counts once.
    changes
        Each from the first score that had another grade than the contact to the write that ended it.
    """

    leads: int
    scores: int
    wrong: int
    lost: int
    backwards: int
    exceeded: int
    first: int
    later: int
    causes: Mapping[str, int]
    faults: Mapping[str, int]
    changes: Sequence[Change]
    restarts: Sequence[Restart]
    requests: int
    seconds: float


class Feed:
    """Publishes scores as they would come, and remembers when."""

    def __init__(self, deployment: Deployment, scores: Iterator[LeadScore], per_s: float) -> None:
        self._deployment, self._scores, self._per_s = deployment, scores, per_s
        self.published: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        self.latest: dict[str, LeadScore] = {}
        self.count = 0
        self.is_over = Event()

    def run(self) -> None:
        began = monotonic()
        for number, score in enumerate(self._scores):
            if (wait_s := began + number / self._per_s - monotonic()) > 0.0:
                sleep(wait_s)
            made = score._replace(scored_at=now_ms())
            self._deployment.producer.publish(Topic.SCORES_PUBLISHED, made, key=lead_key(made.tenant, made.lead), at=made.scored_at)
            self.published[made.lead].append((made.scored_at, made.grade))
            self.latest[made.lead] = made
            self.count = number + 1
        self._deployment.producer.flush()
        self.is_over.set()


def _lock(hub: HubSpot, leads: int, feed: Feed) -> None:
    random = Random(11)
    while not feed.is_over.wait(LOCKED_EVERY_S):
        hub.faults.records_locked |= {f"lead-{random.randrange(leads)}" for _ in range(100)}
    hub.faults.records_locked = set()


def tenants_file(folder: Path, url: str) -> Path:
    """One tenant, an OAuth app with its default pace and rules."""
    credentials = {"client_id": CLIENT_ID, "client_secret": sealed(CLIENT_SECRET), "refresh_token": sealed(REFRESH), "base_url": url}
    lines = [f"[{TENANT}.crm.hubspot]", *(f'{name} = "{value}"' for name, value in credentials.items()), "creates = true", "matches = false"]
    file = folder / "tenants.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def storm(console: Console, stack: Stack, cluster: FlinkCluster, *, leads: int, count: int, per_s: float, kills: int) -> Aftermath:
    """Run one; gives what is left."""
    hub = HubSpot(burst=190, validates=False, faults=Faults(seed=7, share=SHARE, latency_s=LATENCY_S))
    hub.set_up()
    cluster.start()
    with tempfile.TemporaryDirectory() as folder, Server(hub.app) as server, ThreadPoolExecutor(2, thread_name_prefix="storm") as pool:
        variables = {"PROX_TENANTS_FILE": str(tenants_file(Path(folder), server.url)), **VARIABLE}
        deployment = Deployment(stack, cluster, f"t_storm_{secrets.token_hex(4)}", variables)
        deployment.prepare()
        deployment.submit("push_scores", parallelism=1)
        deployment.submit("store_results", parallelism=1)
        began = monotonic()
        feed = Feed(deployment, scores_of(leads, count), per_s)
        tasks = [pool.submit(feed.run), pool.submit(_lock, hub, leads, feed)]
        restarts: list[Restart] = []
        for kill in range(kills):
            at = count * (kill + 1) // (kills + 1)
            until(lambda: feed.count >= at, "scores", within_s=count / per_s + 300.0)  # noqa: B023 - now
            killed_at = now_ms()
            deployment.kill_host_of(("push_scores",), has_spare=True)
            restarts.append(Restart(killed_at, now_ms()))
            cluster.start()
            console.print(f"killed after {feed.count:,} scores; it runs again after {(restarts[-1].ran_at - killed_at) / 1_000:.0f} s")
        for task in tasks:
            task.result()
        latest = feed.latest

        def behind() -> int:
            shown = {contact["prox_lead_id"]: contact["prox_grade"] for contact in list(hub.contacts.values())}
            return sum(shown.get(lead) != score.grade for lead, score in latest.items())

        # what differs for good is told by the audit, and not by a test that gives up
        due = monotonic() + SETTLED_WITHIN_S
        while behind() and monotonic() < due:
            sleep(1.0)
        deployment.settle()
        seconds = monotonic() - began
        left = _audit(deployment, hub, feed, restarts, leads=leads, count=count, seconds=seconds)
        deployment.cancel()
        return left


def _audit(deployment: Deployment, hub: HubSpot, feed: Feed, restarts: Sequence[Restart], *, leads: int, count: int, seconds: float) -> Aftermath:
    shown = {contact["prox_lead_id"]: contact["prox_grade"] for contact in hub.contacts.values()}
    with CassandraClient(deployment.cassandra) as client:
        store = ScoreStore(client)
        with ThreadPoolExecutor(8) as pool:
            stored = dict(zip(feed.latest, pool.map(lambda lead: store.latest(TENANT, lead), feed.latest), strict=True))
    writes: defaultdict[str, list[Write]] = defaultdict(list)
    for (_, written), at in zip(hub.writes, hub.written_at, strict=True):
        writes[written["prox_lead_id"]].append(Write(written["prox_revision"], written["prox_grade"], at))
    reports = deployment.read(Topic.PUSHES_REPORTED, PushReport)
    delivered = {(report.lead, report.grade) for report in reports if report.status in (DELIVERED, "surpassed")}
    grades = {lead: score.grade for lead, score in stored.items() if score is not None}
    distinct = sum(len({write.revision for write in of_lead}) for of_lead in writes.values())
    return Aftermath(
        leads=leads,
        scores=count,
        wrong=sum(grades.get(lead) != shown.get(lead) for lead in feed.latest) + len(hub.contacts) - len(shown),
        lost=sum((lead, score.grade) not in delivered for lead, score in feed.latest.items()),
        backwards=sum(1 for of_lead in writes.values() if sorted(write.revision for write in of_lead) != [write.revision for write in of_lead]),
        exceeded=hub.exceeded,
        first=len(writes),
        later=distinct - len(writes),
        causes=Counter(report.cause for report in reports if report.status == DELIVERED),
        faults=dict(hub.faults.met),
        changes=[change for lead, of_lead in writes.items() for change in changes(feed.published[lead], of_lead)],
        restarts=restarts,
        requests=len(hub.arrivals),
        seconds=seconds,
    )


def main(
    leads: Annotated[int, typer.Option()] = 10_000,
    scores: Annotated[int, typer.Option()] = 100_000,
    per_s: Annotated[float, typer.Option(help="scores in a second")] = 140.0,
    kills: Annotated[int, typer.Option()] = 2,
) -> None:
    """Raise a storm, and tell what is left."""
    console = Console()
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), Shown(console)) as stack,
        FlinkCluster(stack.run_dir, stack.addresses, task_managers=3, reporter=Shown(console), secrets=VARIABLE) as cluster,
    ):
        left = storm(console, stack, cluster, leads=leads, count=scores, per_s=per_s, kills=kills)
    lines = (
        f"{left.scores:,} scores of {left.leads:,} leads in {left.seconds:.0f} s, the job killed {len(left.restarts)} times,"
        f" {left.requests:,} requests, {sum(left.faults.values()):,} faults: {left.faults}",
        f"contacts that do not show Cassandra's latest grade: {left.wrong}; latest grades without a report: {left.lost}",
        f"leads with an older score over a newer: {left.backwards}; requests over the quota: {left.exceeded}",
        f"scores that caused a push: {(left.first + left.later) / left.scores:.1%}; beyond each lead's first: {left.later / left.scores:.1%}",
        f"delivered by cause: {dict(left.causes)}",
        *told(left.changes, left.restarts),
    )
    console.print("\n".join(lines), soft_wrap=True, highlight=False)
    sys.exit(1 if left.wrong or left.lost or left.backwards or left.exceeded else 0)


if __name__ == "__main__":
    typer.run(main)
