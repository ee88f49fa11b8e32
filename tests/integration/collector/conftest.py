"""One collector for a module's tests: each has a tenant of its own."""

import secrets
from collections.abc import Iterator

import pytest

from connectors.kafka.admin import ensure_topics
from connectors.kafka.config import KafkaConfig
from connectors.kafka.registry import Registry
from infra.retention import POLICY
from infra.stack import Part, Stack
from schemas.topics import Topic
from tests.collector import Station


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> KafkaConfig:
    """Kafka and the registry, with topics and schemas of this module's own."""
    stack.start(Part.KAFKA, Part.REGISTRY)
    config = stack.kafka.model_copy(update={"topic_prefix": f"t_collector_{secrets.token_hex(4)}."})
    keep = POLICY.for_replays()
    ensure_topics(config, {topic: keep.topic_ms(topic) for topic in Topic})
    Registry(config).register_all()
    return config


@pytest.fixture(scope="module")
def station(deployed: KafkaConfig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A running collector."""
    running = Station(tmp_path_factory.mktemp("collector"), deployed)
    yield running
    running.stop()
