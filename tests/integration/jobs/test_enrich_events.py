"""One job on a session cluster: every jar is loaded, and a lead's events keep their order through batches made on two machines."""

import secrets
from collections import defaultdict
from collections.abc import Iterator

import pytest

from infra.stack import Stack
from infra.stack.flink import FlinkCluster
from schemas.enriched import EnrichedEvent
from schemas.topics import Topic
from tests.builders import MONDAY, later, viewed_page
from tests.e2e.deployment import Deployment

pytestmark = pytest.mark.timeout(1_800)  # the first test waits for servers and jobs, on cores that others may use too

LEADS, EVENTS_EACH = 200, 100
"""Twenty thousand events as fast as Kafka takes them: full windows, many events of a lead in each."""


@pytest.fixture(scope="module")
def enriched(stack: Stack, flink_cluster: FlinkCluster) -> Iterator[Deployment]:
    """`enrich_events` at parallelism 2, when it has taken everything."""
    flink_cluster.start()
    deployment = Deployment(stack, flink_cluster, f"t_enrich_events_{secrets.token_hex(4)}")
    deployment.prepare(has_tables=False)
    deployment.submit("enrich_events", parallelism=2)
    deployment.feed(
        viewed_page(f"lead-{lead}", at=later(MONDAY, seconds=number), seconds=float(number)) for number in range(EVENTS_EACH) for lead in range(LEADS)
    )
    deployment.settle()
    yield deployment
    deployment.cancel()


def test_a_leads_order_of_arrival_is_kept(enriched: Deployment):
    """Sequences follow the order in which Kafka took the events, and are published in that order."""
    by_lead: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for event in enriched.read(Topic.EVENTS_ENRICHED, EnrichedEvent):
        by_lead[event.lead].append((event.sequence, event.numbers["seconds_on_page"]))

    in_order = [(number + 1, float(number)) for number in range(EVENTS_EACH)]
    assert {f"lead-{lead}": in_order for lead in range(LEADS)} == by_lead


def test_both_task_managers_take_part(enriched: Deployment):
    """With one slot each, parallelism 2 needs two: the lanes were on both."""
    assert [0, 1] == enriched.cluster.hosts(enriched.jobs["enrich_events",])


def test_state_is_in_rocksdb_and_checkpointed(enriched: Deployment):
    """Source, sink and state of a job work together with the jars that are pinned."""
    job_id = enriched.jobs["enrich_events",]

    assert "EmbeddedRocksDBStateBackend" == enriched.cluster.state_backend(job_id)
    assert enriched.cluster.checkpoints(job_id) > 0
