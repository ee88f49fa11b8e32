"""One deployment and one stream for all outages: what an outage breaks shows in every audit after it."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import pytest

from infra.stack import Stack
from infra.stack.flink import FlinkCluster
from models.journeys import simulator
from schemas.event import Event
from schemas.outcome import Outcome
from tests.builders import TENANT, instant
from tests.e2e.deployment import LATENCY, WRITERS, Deployment

LEADS, DAYS = 900, 60.0
CHAPTER = 800
"""Records: about five seconds at the rate below, more than a checkpoint's interval."""
RATE = 150.0
"""Records a second: an outage begins in the middle of a chapter, also where everything is slow."""
ORDERED = {"PROX_FLINK__IDLE_TIMEOUT": "PT2M"}
"""Longer than any outage of the broker: a stream's second is half a day of event time, so outcomes that come back a moment after the events
would be heard of when their intervals are over."""
SENT_AGAIN_EVERY, SENT_AGAIN_AFTER = 40, 25
"""Producers that retry: every fortieth record comes once more, 25 records later."""

Chapters = Iterator[Sequence[Event | Outcome]]


@pytest.fixture(scope="module")
def deployment(stack: Stack) -> Iterator[Deployment]:
    """The latency path and the writers, both at parallelism 2, each TaskManager with one slot."""
    with FlinkCluster(stack.run_dir, stack.addresses, task_managers=4) as cluster:
        deployed = Deployment(stack, cluster, f"t_recovery_{secrets.token_hex(4)}", ORDERED)
        deployed.prepare()
        cluster.start()
        deployed.submit_all({LATENCY: None, WRITERS: None}, parallelism=2)
        yield deployed
        deployed.cancel()


@pytest.fixture(scope="module")
def chapters() -> Chapters:
    """Journeys in order of event time, in parts."""
    steps = simulator.simulate(tenant=TENANT, seed=7, leads=LEADS, start=instant("2026-01-05"), days=DAYS)
    records = [step.record for step in steps]
    return _parts(records)


@pytest.fixture
def stream(deployment: Deployment, chapters: Chapters) -> Callable[[], object]:
    """`with stream():` while the next chapter is published and scored."""
    return lambda: deployment.feeding(next(chapters), per_second=RATE)


def _parts(records: list[Event | Outcome]) -> Chapters:
    rest = iter(records)
    while part := list(islice(rest, CHAPTER)):
        again = part[::SENT_AGAIN_EVERY]
        for number, record in enumerate(again):
            part.insert(number * (SENT_AGAIN_EVERY + 1) + SENT_AGAIN_AFTER, record)
        yield part
