from random import Random

import pytest

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.events import EventStore
from connectors.cassandra.leads import LeadStore, RankedLead
from connectors.cassandra.ranking import GRADES
from connectors.cassandra.scores import ScoreStore
from connectors.cassandra.writer import ResultsWriter
from schemas.ids import Millis
from tests.builders import TENANT, instant, later
from tests.results import a_score, an_enriched

START = instant("2011-11-20")
EVER = {"since": Millis(0), "until": Millis(1 << 42)}


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_history_over_months_is_walked_once(writer: ResultsWriter, client: CassandraClient, limit: int):
    """Nothing is skipped or repeated at the ends of pages and months, nor among events of one millisecond."""
    times = [later(START, days=n // 2 * 3) for n in range(60)]
    scores = [a_score(sequence=n, at=at) for n, at in enumerate(times, start=1)]
    events = [an_enriched(at=at, event_id=f"e{n}") for n, at in enumerate(times)]
    writer.write([*scores, *events], {})

    score_store, event_store = ScoreStore(client), EventStore(client)
    read_scores, read_events, after = [], [], None
    while (page := score_store.history(TENANT, "ada", **EVER, limit=limit, after=after)).items:
        read_scores += page.items
        if (after := page.next) is None:
            break
    while (seen := event_store.history(TENANT, "ada", **EVER, limit=limit, after=after)).items:
        read_events += seen.items
        if (after := seen.next) is None:
            break

    assert sorted(scores, key=lambda s: (s.as_of, s.event_id), reverse=True) == read_scores
    assert [e.event_id for e in sorted(events, key=lambda e: (e.occurred_at, e.event_id), reverse=True)] == [e.event_id for e in read_events]


def test_a_history_is_cut_at_both_ends(writer: ResultsWriter, client: CassandraClient):
    """`since` is inside, `until` is not."""
    writer.write([a_score(sequence=n, at=later(START, days=n)) for n in range(1, 30)], {})

    cut = ScoreStore(client).history(TENANT, "ada", since=later(START, days=5), until=later(START, days=15), limit=100)

    assert list(range(14, 4, -1)) == [score.sequence for score in cut.items]


def test_ranking_is_sorting(writer: ResultsWriter, client: CassandraClient):
    """Walking pages of any grades gives the leads as sorted by falling propensity; every lead once, though all have moved."""
    random, bands = Random(7), dict[str, int]()
    for turn in range(1, 4):
        scores = [a_score(f"lead-{n}", sequence=turn, propensity=random.betavariate(1, 4), grade=random.choice(GRADES)) for n in range(150)]
        writer.write(scores, bands)

    store = LeadStore(client)
    for grades in (frozenset(GRADES), frozenset({"A1", "B2"})):
        walked: list[RankedLead] = []
        after = None
        while True:
            page = store.ranked(TENANT, grades=grades, limit=17, after=after)
            walked += page.items
            if (after := page.next) is None:
                break
        expected = sorted(
            (RankedLead(s.lead, s.grade, s.propensity, s.as_of) for s in scores if s.grade in grades), key=lambda r: (-r.propensity, r.lead)
        )
        assert expected == walked


def test_tenants_do_not_see_each_other(writer: ResultsWriter, client: CassandraClient):
    """The same lead's name, two tenants, two leads."""
    writer.write([a_score(propensity=0.9, tenant="globex"), a_score(propensity=0.1)], {})

    scores, leads = ScoreStore(client), LeadStore(client)
    assert [0.9, 0.1, None] == [s and s.propensity for s in (scores.latest(t, "ada") for t in ("globex", TENANT, "initech"))]
    assert [1, 1, 0] == [len(leads.ranked(t, limit=10).items) for t in ("globex", TENANT, "initech")]
