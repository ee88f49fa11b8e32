"""How far a group is behind the end of a topic."""

from typing import NamedTuple

from confluent_kafka import KafkaException, TopicPartition

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import TIMEOUT_S, open_consumer, partitions_of
from schemas.errors import RetriableError
from schemas.topics import Topic


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
    consumer = open_consumer(config, group=group)
    name = topic_name(config, topic)
    try:
        partitions = [TopicPartition(name, number) for number in partitions_of(consumer, name)]
        done = behind = 0
        for committed in consumer.committed(partitions, timeout=TIMEOUT_S):
            low, high = consumer.get_watermark_offsets(committed, timeout=TIMEOUT_S)
            at = max(low, committed.offset)  # a group that has committed nothing has a negative offset
            done += at - low
            behind += high - at
    except KafkaException as exc:
        raise RetriableError(f"the lag of {group} on {name} cannot be read: {exc}; is Kafka up?") from exc
    finally:
        consumer.close()
    return Reach(done, behind)


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
