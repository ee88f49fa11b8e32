"""How far a topic was dealt with, kept in Kafka."""

from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Self

import confluent_kafka
from confluent_kafka import TopicPartition

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import TIMEOUT_S, open_consumer, partitions_of
from schemas.errors import RetriableError


class Place(NamedTuple):
    """Where a record is."""

    partition: int
    offset: int


class Marks:
    """Committed offsets of a group that nobody ever joins.

    Kafka drops them when nothing was committed for its `offsets.retention.minutes`, a week by default.

    Parameters
    ----------
    config
        Where Kafka is.
    name
        The topic's full name.
    group
        Whose marks they are.

    Raises
    ------
    RetriableError
        Kafka is away.
    """

    def __init__(self, config: KafkaConfig, name: str, *, group: str) -> None:
        self._name = name
        self._consumer = open_consumer(config, group=group)
        try:
            wanted = [TopicPartition(name, partition) for partition in partitions_of(self._consumer, name)]
            self._next: dict[int, int] = {mark.partition: max(0, mark.offset) for mark in self._consumer.committed(wanted, timeout=TIMEOUT_S)}
        except confluent_kafka.KafkaException as exc:
            self._consumer.close()
            raise RetriableError(f"the marks of {name} cannot be read: {exc}") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()

    def next_offset(self, partition: int) -> int:
        """The first offset of a partition that was not dealt with."""
        return self._next.get(partition, 0)

    def pass_over(self, places: Iterable[Place]) -> None:
        """The records at these places were dealt with; a mark never goes back.

        Raises
        ------
        RetriableError
            Kafka is away: they will come again.
        """
        ahead = dict(self._next)
        for partition, offset in places:
            ahead[partition] = max(ahead.get(partition, 0), offset + 1)
        moved = [TopicPartition(self._name, partition, offset) for partition, offset in ahead.items() if offset > self._next.get(partition, 0)]
        if not moved:
            return
        try:
            self._consumer.commit(offsets=moved, asynchronous=False)
        except confluent_kafka.KafkaException as exc:
            raise RetriableError(f"the marks of {self._name} cannot be written: {exc}") from exc
        self._next = ahead
