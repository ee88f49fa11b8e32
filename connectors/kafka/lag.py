"""How far a group is behind the end of a topic."""

from typing import NamedTuple

import stamina
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import TIMEOUT_S, offsets_of, open_consumer, partitions_of
from schemas.errors import RetriableError
from schemas.topics import Topic

MOVING = {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
"""A broker that has just begun to coordinate groups, or no longer does: another answer is a moment away."""
MOVES_WITHIN_S = 30.0


class Reach(NamedTuple):
    """Records of a topic that a group has committed, and those it has not."""

    done: int
    behind: int

    @property
    def total(self) -> int:
        """Records that the topic holds."""
        return self.done + self.behind


def reach(config: KafkaConfig, group: str, topic: Topic) -> Reach:
    """How much of a topic a group has committed; a job commits when a checkpoint is complete.

    Parameters
    ----------
    config
        Where Kafka is; its topic prefix is put before the group's name too.
    group
        As in `prox.score_leads`.
    topic
        One that the group reads.

    Raises
    ------
    RetriableError
        Kafka is away, or the topic does not exist.
    """
    try:
        return _reach(config, group, topic_name(config, topic))
    except KafkaException as exc:
        raise RetriableError(f"the lag of {group} on {topic_name(config, topic)} cannot be read: {exc}; is Kafka up?") from exc


def lag(config: KafkaConfig, group: str, topic: Topic) -> int:
    """Records of a topic that a group has not committed yet.

    Parameters
    ----------
    config, group, topic
        As `reach`.

    Raises
    ------
    RetriableError
        As `reach`.
    """
    return reach(config, group, topic).behind


def _is_moving(exc: Exception) -> bool:
    return isinstance(exc, KafkaException) and exc.args[0].code() in MOVING


@stamina.retry(on=_is_moving, attempts=None, timeout=MOVES_WITHIN_S, wait_max=1.0)
def _reach(config: KafkaConfig, group: str, name: str) -> Reach:
    # a consumer of its own for each attempt: an old one asks the broker that it asked before
    consumer = open_consumer(config, group=group)
    try:
        partitions = [TopicPartition(name, number) for number in partitions_of(consumer, name)]
        done = behind = 0
        for committed in consumer.committed(partitions, timeout=TIMEOUT_S):
            low, high = offsets_of(consumer, committed)
            at = max(low, committed.offset)  # a group that has committed nothing has a negative offset
            done += at - low
            behind += high - at
    finally:
        consumer.close()
    return Reach(done, behind)
