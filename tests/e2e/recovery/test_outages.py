"""Whatever goes away for a while: the jobs wait and go on, nothing is lost, nothing is there twice."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from infra.nights import train_bases
from infra.stack import Part
from schemas.score import LeadScore
from schemas.topics import Topic
from tests.e2e.deployment import LATENCY, WRITERS, Deployment
from tests.e2e.recovery.audit import problems
from tests.e2e.waiting import until

pytestmark = pytest.mark.timeout(1_800)  # the first test waits for servers and jobs, on cores that others may use too

OUTAGE_S = 30.0
Streaming = Callable[[], AbstractContextManager[None]]


def test_killed_task_managers_of_the_latency_path(deployment: Deployment, stream: Streaming):
    """`kill -9` in mid-stream, twice: state goes on from a checkpoint, and events after it are taken again."""
    for _ in range(2):
        with stream():
            deployment.kill_host_of(LATENCY)

    assert [] == problems(deployment)


def test_a_killed_task_manager_of_the_writers(deployment: Deployment, stream: Streaming):
    """What was written after the last checkpoint is written again, to the same rows."""
    with stream():
        deployment.kill_host_of(WRITERS)

    assert [] == problems(deployment)


def test_another_parallelism(deployment: Deployment, stream: Streaming):
    """Stopped with a savepoint in mid-stream, started again at parallelism 1: state moves with its lanes."""
    with stream():
        deployment.submit_all(deployment.stop_all(), parallelism=1)

    assert [] == problems(deployment)


def test_a_start_without_the_registry(deployment: Deployment, stream: Streaming):
    """At parallelism 2 again, while the registry is away: the schemas are on disk."""
    saved = deployment.stop_all()
    with deployment.stack.without(Part.REGISTRY):
        deployment.submit_all(saved, parallelism=2)
        with stream():
            pass
        deployment.settle()

    assert [] == problems(deployment)


def test_cassandra_away(deployment: Deployment, stream: Streaming):
    """Scores are published all the while; rows follow when it is back."""
    with stream():
        before, gone_at = deployment.count(Topic.SCORES_PUBLISHED), time.monotonic()
        with deployment.stack.without(Part.CASSANDRA):
            until(lambda: time.monotonic() > gone_at + OUTAGE_S, "the outage's length")
            scored = deployment.count(Topic.SCORES_PUBLISHED)

    assert scored > before
    assert [] == problems(deployment)


def test_a_night(deployment: Deployment, stream: Streaming):
    """A base that is trained while the jobs run has its say in scores from then on, and each can be computed again."""
    [night] = train_bases(deployment.kafka, deployment.codec, {})
    with stream():
        pass
    deployment.settle()
    named = {score.base_version for score in deployment.read(Topic.SCORES_PUBLISHED, LeadScore)}

    assert night.trained is not None
    assert {0, night.trained.base.trained_at} == named
    assert [] == problems(deployment)


def test_kafka_restarted(deployment: Deployment, stream: Streaming):
    """Sources and sinks connect again."""
    with stream():
        deployment.stack.restart(Part.KAFKA)

    assert [] == problems(deployment)


def test_kafka_killed(deployment: Deployment, stream: Streaming):
    """`kill -9`: the broker forgets its producers, as the records' times are long ago; what it acknowledged is there."""
    with stream():
        deployment.stack.kill(Part.KAFKA)
        deployment.stack.start(Part.KAFKA)

    assert [] == problems(deployment)
