"""Reads a topic on and on from where its reader left off, without joining a group."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import TIMEOUT_S, Record, open_consumer, partitions_of
from schemas.errors import RetriableError


class Following:
    """The topic's records as they come, all partitions.

    Where a partition was read to is kept in Kafka, which drops it when nothing was committed for its `offsets.retention.minutes`, a week by
    default: then all of it comes again.

    Parameters
    ----------
    config
        Where Kafka is.
    name
        The topic's full name.
    group
        Whose place it is.

    Raises
    ------
    RetriableError
        Kafka is away, or the topic does not exist.
    """

    def __init__(self, config: KafkaConfig, name: str, *, group: str) -> None:
        self._name = name
        self._consumer = open_consumer(config, group=group)
        try:
            wanted = [TopicPartition(name, partition) for partition in partitions_of(self._consumer, name)]
            places = self._consumer.committed(wanted, timeout=TIMEOUT_S)
            self._consumer.assign([TopicPartition(name, p.partition, p.offset if p.offset >= 0 else OFFSET_BEGINNING) for p in places])
        except confluent_kafka.KafkaException as exc:
            self._consumer.close()
            raise RetriableError(f"topic {name} cannot be read: {exc}") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()

    def take(self, most: int, *, wait_s: float = 0.0) -> list[Record]:
        """Records that have come, at most so many; waits no longer than told.

        Raises
        ------
        RetriableError
            Kafka said that a partition cannot be read.
        """
        records: list[Record] = []
        for message in self._consumer.consume(most, timeout=wait_s):
            error = message.error()
            if error is None:
                records.append(Record(message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value() or b""))
            elif error.code() != KafkaError._PARTITION_EOF and not error.retriable():  # noqa: SLF001 - the library names its own codes so
                raise RetriableError(f"topic {self._name} cannot be read: {error}")
        return records

    def pass_over(self, records: Sequence[Record]) -> None:
        """These were dealt with, and all before them.

        Raises
        ------
        RetriableError
            Kafka is away: they will come again, after a restart.
        """
        ends: dict[int, int] = {}
        for record in records:
            ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)
        if not ends:
            return
        try:
            self._consumer.commit(offsets=[TopicPartition(self._name, partition, end) for partition, end in ends.items()], asynchronous=False)
        except confluent_kafka.KafkaException as exc:
            raise RetriableError(f"the place in {self._name} cannot be kept: {exc}") from exc
