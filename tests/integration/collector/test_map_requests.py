"""Whole requests through Flink: what the collector took is events in Kafka."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.kafka.consumer import read_values
from connectors.kafka.registry import Registry
from infra.stack import Part, Stack, jars, process
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.topics import Topic
from tests.bench import running
from tests.collector import SECRET, Station
from tests.conftest import ROOT
from tests.e2e.waiting import until

REQUESTS, BATCH = 20, 50
BAD = {"type": "dance", "userId": "u"}

pytestmark = pytest.mark.timeout(900)  # a JVM and Flink start, on cores that others may use too


@pytest.fixture
def mapping(station: Station, stack: Stack, tmp_path: Path) -> Iterator[None]:
    """`map_requests` without a cluster."""
    jars.fetch(Part.FLINK)
    (tmp_path / "logs").mkdir()
    env = {
        **running.jvm_environment(tmp_path),
        **stack.addresses.environment(tmp_path),
        "PROX_KAFKA__TOPIC_PREFIX": station.kafka.topic_prefix,
        "PROX_FLINK__CHECKPOINT_DIR": (tmp_path / "checkpoints").as_uri(),
        "PROX_PSEUDONYM_KEY": SECRET.decode(),
    }
    identity = process.spawn([sys.executable, "-m", "jobs", "map_requests", "--local"], log=tmp_path / "job.log", env=env, cwd=ROOT)
    yield
    running.stop(identity)


def an_event(n: int) -> dict[str, Any]:
    """Every third has no id of its own."""
    return {"type": "track", "event": "X", "userId": f"u-{n % 9}", "properties": {"n": n}} | ({"messageId": f"m-{n}"} if n % 3 else {})


@pytest.mark.usefixtures("mapping")
def test_a_job_makes_events_of_whole_requests(station: Station):
    """Those that the request says, ids included, each under its lead's key; the bad one of each request is a dead letter."""
    tenant, key = station.take_key()
    for number in range(REQUESTS):
        batch = [*(an_event(n) for n in range(number * BATCH, (number + 1) * BATCH)), BAD]
        answer = httpx.post(f"{station.url}/v1/batch", json={"batch": batch}, auth=(key, ""), timeout=30.0)
        assert 200 == answer.status_code
    expected = {event.event_id: event for event in station.events(tenant)}
    codec = Registry(station.kafka).codec()

    def found(topic: Topic) -> list[Any]:
        return [value for value in read_values(station.kafka, codec, topic) if getattr(value, "tenant", tenant) == tenant]

    until(lambda: len(found(Topic.EVENTS_RECEIVED)) >= REQUESTS * BATCH, "all events are in Kafka", within_s=600)
    events = {event.event_id: event for event in found(Topic.EVENTS_RECEIVED) if isinstance(event, Event)}
    letters = [one for one in found(Topic.RECORDS_DEAD) if isinstance(one, DeadLetter) and one.key == f"{tenant}|tests".encode()]

    assert REQUESTS * BATCH == len(expected)
    assert expected == events
    assert {("collector.segment", "invalid")} == {(letter.stage, letter.reason) for letter in letters}
    assert REQUESTS == len(letters)
