"""The output of a run, as it lies on its topic: when each score arrived, and whether it is the right one."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from confluent_kafka import TopicPartition

from connectors.kafka.consumer import open_consumer
from connectors.kafka.registry import Registry
from schemas.errors import FatalError
from schemas.score import LeadScore
from tests.bench.expected import Expected
from tests.bench.world import Ends, World

FIRST_SHARE, LAST_SHARE = 0.2, 0.9
"""Steady state: between these shares of the outputs. Before, programs warm up; after, partitions run dry."""
CHUNK = 5_000


class Output(NamedTuple):
    """Arrival times in ms, sorted; and how many scores were missing, repeated, wrong, or made before the model had come."""

    at: npt.NDArray[np.int64]
    missing: int
    repeated: int
    wrong: int
    before_model: int

    def speed(self, *, after: int = 0) -> float:
        """Scores a second in steady state; the first `after` scores are left out."""
        return speed(self.at[after:])


def speed(at: npt.NDArray[np.int64]) -> float:
    """Arrivals a second between the 20 % and the 90 % mark of sorted times in ms.

    >>> round(speed(np.arange(0, 10_000, 2)))
    500
    """
    first, last = int(len(at) * FIRST_SHARE), int(len(at) * LAST_SHARE)
    took_ms = int(at[last] - at[first])
    if took_ms <= 0:
        raise FatalError(f"{len(at)} scores came within a millisecond: give more events")
    return (last - first) * 1000 / took_ms


def read(world: World, topic: str, begins: Ends, expected: Expected | None) -> Output:
    """Everything on a topic from these offsets to its end, checked against what it must be.

    Without `expected` only presence is checked: one score for every event.
    """
    codec = Registry(world.kafka).codec()
    seen = np.zeros(world.workload.total, np.int64)
    times: list[int] = []
    wrong = before_model = 0
    consumer = open_consumer(world.kafka, group="bench.arrivals")
    consumer.assign([TopicPartition(topic, number, offset) for number, offset in begins.items()])
    left = sum(world.ends(topic).values()) - sum(begins.values())
    while left > 0:
        for message in consumer.consume(min(left, CHUNK), timeout=1.0):
            if message.error() is not None:
                continue
            left -= 1
            score = codec.decode_as(LeadScore, message.value() or b"")
            times.append(message.timestamp()[1])
            seen[int(score.event_id)] += 1
            before_model += score.model_version == 0
            wrong += expected is not None and bool(expected.differs(score))
    consumer.close()
    return Output(np.sort(np.array(times, np.int64)), int((seen == 0).sum()), int((seen > 1).sum()), wrong, before_model)
