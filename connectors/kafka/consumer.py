"""Reads a topic from its beginning to its present end, without a group."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import confluent_kafka
import stamina
from confluent_kafka import KafkaError, TopicPartition

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from schemas.codec import Codec
from schemas.errors import RetriableError
from schemas.ids import Millis
from schemas.topics import Topic, Value

TIMEOUT_S = 30.0
MOMENT_S = 0.1
LEADERLESS = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}
"""A partition that was just made, or moves: it has a leader a moment later."""
BATCH = 5_000


class Record(NamedTuple):
    """A record as Kafka holds it; `at` is its Kafka timestamp."""

    partition: int
    offset: int
    at: Millis
    key: bytes | None
    value: bytes


def read_records(config: KafkaConfig, topic: Topic) -> Iterator[Record]:
    """Every record that a topic holds now. Ordered within a partition, not between them.

    Raises
    ------
    RetriableError
        Kafka is away, or the topic does not exist.
    """
    consumer = open_consumer(config, group="prox.readers")
    try:
        yield from _records(consumer, topic_name(config, topic))
    except confluent_kafka.KafkaException as exc:
        raise RetriableError(f"topic {topic_name(config, topic)} at {config.bootstrap_servers} cannot be read: {exc}") from exc
    finally:
        consumer.close()


def read_values(config: KafkaConfig, codec: Codec, topic: Topic) -> list[Value]:
    """Every value that a topic holds now, decoded.

    Raises
    ------
    RetriableError
        Kafka or the registry is away.
    PoisonRecordError
        A record cannot be read.
    """
    return [codec.decode(record.value) for record in read_records(config, topic)]


def open_consumer(config: KafkaConfig, *, group: str) -> confluent_kafka.Consumer:
    """A consumer that joins no group and commits nothing unless told: assign its partitions by hand.

    Parameters
    ----------
    config
        Where Kafka is.
    group
        Whose committed offsets it can read and write.
    """
    return confluent_kafka.Consumer(
        {
            "bootstrap.servers": config.bootstrap_servers,
            "group.id": f"{config.topic_prefix}{group}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "log_level": 0,
        }
    )


def partitions_of(consumer: confluent_kafka.Consumer, name: str) -> list[int]:
    """The numbers of a topic's partitions.

    Raises
    ------
    RetriableError
        Kafka is away, or the topic does not exist.
    """
    try:
        found = consumer.list_topics(name, timeout=TIMEOUT_S).topics[name]
    except confluent_kafka.KafkaException as exc:
        raise RetriableError(f"Kafka does not answer: {exc}; is it up?") from exc
    if found.error is not None:
        raise RetriableError(f"topic {name} cannot be read: {found.error}; `python -m infra up` makes it")
    return sorted(found.partitions)


def _is_leaderless(exc: Exception) -> bool:
    return isinstance(exc, confluent_kafka.KafkaException) and exc.args[0].code() in LEADERLESS


@stamina.retry(on=_is_leaderless, attempts=None, timeout=TIMEOUT_S, wait_max=1.0)
def offsets_of(consumer: confluent_kafka.Consumer, partition: TopicPartition) -> tuple[int, int]:
    """The first offset of a partition, and the one after its last."""
    low, high = consumer.get_watermark_offsets(partition, timeout=TIMEOUT_S)
    return low, high


def _records(consumer: confluent_kafka.Consumer, name: str) -> Iterator[Record]:
    ends: dict[int, int] = {}
    starts = []
    for partition in partitions_of(consumer, name):
        low, high = offsets_of(consumer, TopicPartition(name, partition))
        if high > low:
            ends[partition] = high
            starts.append(TopicPartition(name, partition, low))
    consumer.assign(starts)
    heard_at = time.monotonic()
    while ends:
        # `consume` waits for a full batch as long as it may, also when the rest has come: so for a moment only
        batch = consumer.consume(BATCH, timeout=MOMENT_S)
        heard_at = time.monotonic() if batch else heard_at
        if time.monotonic() - heard_at > TIMEOUT_S:
            raise RetriableError(f"topic {name}: nothing came for {TIMEOUT_S:.0f} s, {len(ends)} partitions were not read to their end")
        for message in batch:
            partition, offset = message.partition(), message.offset()
            if message.error() is None:
                if offset < ends.get(partition, 0):
                    yield Record(partition, offset, message.timestamp()[1], message.key(), message.value() or b"")
                offset += 1
            elif message.error().code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library names its own codes so
                raise RetriableError(f"topic {name} cannot be read: {message.error()}")
            # the end of a partition is told apart from its last record, as markers of transactions may follow it
            if offset >= ends.get(partition, offset + 1):
                del ends[partition]
