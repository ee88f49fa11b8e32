"""All hazards at once, among good records, through all jobs: each test looks at what became of one."""

import copy
import io
import secrets
from collections.abc import Callable, Iterator
from typing import NamedTuple

import confluent_kafka
import fastavro
import httpx
import pytest

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from infra.feed import wall_clock
from infra.stack import Stack
from infra.stack.flink import FlinkCluster
from schemas.codec import FRAME, MAGIC, schema_of
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.topics import Topic
from tests.builders import FRIDAY, MONDAY, TUESDAY, later, opened_email, viewed_page, won
from tests.e2e.bad_input.hazards import HAZARDS, Wire
from tests.e2e.deployment import LATENCY, WRITERS, Deployment
from tests.e2e.waiting import until

GOOD = tuple(f"good-{number}" for number in range(5))
"""Leads whose records lie among the bad ones."""
EARLY = "early"
"""Its outcome came before its events."""
STRANGER = "stranger"
"""Has an outcome and no event."""
AHEAD = "ahead"
"""Acts two hours from now, by a clock that is wrong by a time zone or two."""


class Poisoned(NamedTuple):
    """A deployment that was sent every hazard."""

    deployment: Deployment
    wire: Wire
    dead: list[DeadLetter]


@pytest.fixture(scope="module")
def poisoned(stack: Stack) -> Iterator[Poisoned]:
    """All four jobs as one, after all records have been dealt with."""
    with FlinkCluster(stack.run_dir, stack.addresses, task_managers=1) as cluster:
        deployment = Deployment(stack, cluster, f"t_bad_input_{secrets.token_hex(4)}")
        deployment.prepare()
        cluster.start()
        wire = Wire(deployment.codec, _without_time(deployment.kafka))
        deployment.submit(*LATENCY, *WRITERS, parallelism=1)
        _send(deployment, wire)
        dead = deployment.read(Topic.RECORDS_DEAD, DeadLetter)
        yield Poisoned(deployment, wire, dead)
        deployment.cancel()


def _send(deployment: Deployment, wire: Wire) -> None:
    deployment.feed([won(EARLY, at=FRIDAY), won(STRANGER, at=FRIDAY)])
    until(lambda: deployment.count(Topic.OUTCOMES_RECEIVED) == 2 and deployment.remaining() == 0, "outcomes that come before all events")
    deployment.feed([viewed_page(EARLY, at=MONDAY), opened_email(EARLY, at=TUESDAY), viewed_page(EARLY, at=later(FRIDAY, days=1))])
    raw = confluent_kafka.Producer(
        {"bootstrap.servers": deployment.kafka.bootstrap_servers, "message.max.bytes": deployment.kafka.max_record_bytes, "log_level": 0}
    )
    for number, hazard in enumerate(HAZARDS):
        deployment.feed([viewed_page(lead, at=later(MONDAY, minutes=number)) for lead in GOOD])
        at = Millis(0) if hazard.name == "occurred in 1970" else MONDAY
        raw.produce(topic_name(deployment.kafka, hazard.topic), key=hazard.key, value=hazard.value(wire), timestamp=at)
        raw.flush()
    deployment.feed([viewed_page(AHEAD, at=later(wall_clock(), hours=2))])
    until(lambda: any(example.is_final for example in examples_of(deployment, EARLY)), "the labels that event time has made known")
    deployment.settle()


def examples_of(deployment: Deployment, lead: str) -> list[MaturedExample]:
    """What matured of a lead."""
    return [example for example in deployment.read(Topic.EXAMPLES_MATURED, MaturedExample) if example.lead == lead]


def _without_time(kafka: KafkaConfig) -> Callable[[str], bytes]:
    """Registers, under a subject of its own, a schema of events that do not say when."""
    schema = schema_of(Event)
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "occurred_at"]
    body = {"schema": fastavro.schema.to_parsing_canonical_form(copy.deepcopy(schema))}
    answer = httpx.post(f"{kafka.registry_url}/subjects/{kafka.topic_prefix}foreign-value/versions", json=body, trust_env=False).raise_for_status()
    parsed = fastavro.parse_schema(copy.deepcopy(schema))

    def encoded(lead: str) -> bytes:
        out = io.BytesIO(FRAME.pack(MAGIC, answer.json()["id"]))
        out.seek(FRAME.size)
        record = viewed_page(lead)._asdict()
        del record["occurred_at"]
        fastavro.schemaless_writer(out, parsed, record)
        return out.getvalue()

    return encoded
