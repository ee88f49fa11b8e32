"""A deployment of its own for each test: topics and schemas under one prefix."""

import pytest

from connectors.kafka.admin import ensure_topics
from connectors.kafka.config import KafkaConfig
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra.retention import POLICY
from schemas.codec import Codec
from schemas.topics import Topic


@pytest.fixture
def deployed(kafka: KafkaConfig, registry: KafkaConfig) -> KafkaConfig:
    """Kafka with topics, the registry with schemas."""
    assert kafka.topic_prefix == registry.topic_prefix
    keep = POLICY.for_replays()
    ensure_topics(kafka, {topic: keep.topic_ms(topic) for topic in Topic})
    Registry(kafka).register_all()
    return kafka


@pytest.fixture
def codec(deployed: KafkaConfig) -> Codec:
    return Registry(deployed).codec()


@pytest.fixture
def producer(deployed: KafkaConfig, codec: Codec) -> Producer:
    return Producer(deployed, codec)
