"""What servers need before jobs run: topics, schemas, tables. Doing it twice changes nothing."""

from pathlib import Path

from connectors.cassandra.config import CassandraConfig
from connectors.kafka import admin
from connectors.kafka.config import KafkaConfig
from connectors.kafka.registry import Registry
from infra.cassandra import prepare_keyspace
from infra.retention import RetentionPolicy
from schemas.topics import Topic


def deploy_topics(kafka: KafkaConfig, retention: RetentionPolicy) -> None:
    """Create what topics are missing, each kept as long as the policy says."""
    admin.ensure_topics(kafka, {topic: retention.topic_ms(topic) for topic in Topic})


def deploy_schemas(kafka: KafkaConfig, cache_dir: Path | None = None) -> None:
    """Register every topic's schema, BACKWARD compatible with what is there.

    Raises
    ------
    ConfigError
        A schema of this release cannot read what an earlier one wrote.
    """
    Registry(kafka, cache_dir=cache_dir).register_all()


def deploy_tables(cassandra: CassandraConfig, retention: RetentionPolicy) -> None:
    """Bring the keyspace up to date.

    Raises
    ------
    ConfigError
        A migration was edited after it was applied.
    """
    prepare_keyspace(cassandra, retention)
