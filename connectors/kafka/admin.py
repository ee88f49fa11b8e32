"""Topics: their names, and that they exist."""

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka.config import KafkaConfig
from schemas.errors import ConfigError, RetriableError
from schemas.topics import Topic

TIMEOUT_S = 30.0
MOMENT_S = 0.05
TIMESTAMP_AHEAD_MS = 2 * 86_400_000
"""How far a record's time may be ahead of the broker's clock. Jobs let an event be a day ahead and publish it under its own time: with the
broker's default of an hour that write would fail for ever, and the job with it. The second day is for the two clocks."""
ENVELOPE_BYTES = 1_048_576
"""Room for what a dead letter says about a record of the largest size."""

RECEIVED = frozenset({Topic.REQUESTS_RECEIVED, Topic.EVENTS_RECEIVED, Topic.OUTCOMES_RECEIVED})
ONE_PARTITION = frozenset({Topic.MODELS_PUBLISHED, Topic.METRICS_PUBLISHED, Topic.CHAMPIONS_CHOSEN})
"""Read whole by everyone and written by one operator: their order matters more than their width."""


def topic_name(config: KafkaConfig, topic: Topic) -> str:
    """The name of a topic on this broker."""
    return f"{config.topic_prefix}{topic.value}"


def ensure_topics(config: KafkaConfig, retention_ms: Mapping[Topic, int], *, timeout_s: float = TIMEOUT_S) -> list[str]:
    """Create the topics that do not exist yet; those that do are left as they are.

    Parameters
    ----------
    config
        Where Kafka is, how many partitions and replicas a topic has.
    retention_ms
        How long each topic keeps its records, in milliseconds; -1 is for ever. The keys are the topics wanted.
    timeout_s
        How long Kafka may take to answer.

    Returns
    -------
    The names of the topics that were created now.

    Raises
    ------
    RetriableError
        Kafka is away.
    ConfigError
        Kafka refuses a topic, as when there are fewer brokers than replicas.
    """
    admin = AdminClient({"bootstrap.servers": config.bootstrap_servers, "socket.timeout.ms": 10_000, "log_level": 0})
    try:
        existing = set(admin.list_topics(timeout=timeout_s).topics)
    except KafkaException as exc:
        raise RetriableError(f"Kafka at {config.bootstrap_servers} does not answer: {exc}; is it up?") from exc
    wanted = [_new_topic(config, topic, kept_ms) for topic, kept_ms in retention_ms.items() if topic_name(config, topic) not in existing]
    if not wanted:
        return []
    made = [name for name, future in admin.create_topics(wanted, operation_timeout=timeout_s).items() if _is_created(name, future)]
    _await_topics(admin, config, {new.topic for new in wanted}, timeout_s)
    return sorted(made)


def _await_topics(admin: AdminClient, config: KafkaConfig, names: set[str], timeout_s: float) -> None:
    """Kafka answers when its controller has decided; its brokers know a moment later."""
    until = time.monotonic() + timeout_s
    while not names <= admin.list_topics(timeout=timeout_s).topics.keys():
        if time.monotonic() > until:
            raise RetriableError(f"Kafka at {config.bootstrap_servers} made {len(names)} topics and does not show them after {timeout_s:.0f} s")
        time.sleep(MOMENT_S)


def _new_topic(config: KafkaConfig, topic: Topic, kept_ms: int) -> NewTopic:
    return NewTopic(
        topic_name(config, topic),
        num_partitions=1 if topic in ONE_PARTITION else config.partitions,
        replication_factor=config.replication,
        config={
            # every version of a model is kept, so that any past score can be recomputed: no topic is compacted
            "cleanup.policy": "delete",
            "retention.ms": str(kept_ms),
            # the record's timestamp is the event's own: jobs take their watermark from it
            "message.timestamp.type": "CreateTime",
            "message.timestamp.after.max.ms": str(TIMESTAMP_AHEAD_MS),
            "max.message.bytes": str(max_message_bytes(config, topic)),
        },
    )


def max_message_bytes(config: KafkaConfig, topic: Topic) -> int:
    """The largest record that a topic takes; a dead letter holds a whole received record and its reason."""
    if topic in RECEIVED:
        return config.max_record_bytes
    return config.max_record_bytes + ENVELOPE_BYTES


def _is_created(name: str, future: Any) -> bool:
    try:
        future.result()
    except KafkaException as exc:
        if exc.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False  # somebody else was faster
        if exc.args[0].retriable():
            raise RetriableError(f"topic {name} was not created: {exc}") from exc
        raise ConfigError(f"topic {name} was refused: {exc}") from exc
    return True
