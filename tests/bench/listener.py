"""A consumer of the scores topic in a process of its own, which also asks Cassandra when a score can be read."""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Event, Thread
from types import TracebackType
from typing import Any, NamedTuple, Self

import confluent_kafka
import numpy as np
import numpy.typing as npt
from confluent_kafka import TopicPartition

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import open_consumer, partitions_of
from connectors.kafka.registry import Registry
from infra.stack import signals
from schemas.codec import Codec
from schemas.errors import FatalError, RetriableError
from schemas.score import LeadScore
from schemas.topics import Topic

SAMPLE_EVERY_S = 0.2
"""Five scores a second are looked for in Cassandra: more would be load, not measurement."""
POLL_S = 0.02
LOOK_S = 0.04
LOOK_SHARE = 0.05
"""A sample is looked for every 40 ms, later every twentieth of its age: so much too late at most, and a backlog is not asked for all the time."""
ROW = "SELECT sequence FROM scores_by_lead WHERE tenant = ? AND lead = ?"
"""As little as tells that the score is there: reading whole scores took a tenth of a core."""
GIVE_UP_MS = 120_000
READY_WITHIN_S = 60.0


class Heard(NamedTuple):
    """Times in ms: (n, 2) of scores, when their events were received and when they arrived; the same of rows that could be read."""

    scores: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]


class Listener:
    """Listens from its start on. As a context manager it ends its process on leaving."""

    def __init__(self, kafka: KafkaConfig, cassandra: CassandraConfig) -> None:
        context = get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_listen, args=(kafka, cassandra, far), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._answer("sign of life")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(OSError):
            self._pipe.send(None)
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()

    def count(self) -> int:
        """Scores heard since the last `take`."""
        self._pipe.send("count")
        return int(self._answer("count"))

    def take(self) -> Heard:
        """What was heard since the last time."""
        self._pipe.send("take")
        return Heard(*self._answer("times"))

    def _answer(self, what: str) -> Any:
        if not self._pipe.poll(READY_WITHIN_S):
            raise FatalError(f"the listener gives no {what} after {READY_WITHIN_S:.0f} s")
        return self._pipe.recv()


class _Sampler(Thread):
    """Looks for the rows of some scores."""

    def __init__(self, cassandra: CassandraConfig, offered: "deque[LeadScore]") -> None:
        super().__init__(daemon=True)
        self._client = CassandraClient(cassandra)
        self._offered = offered
        self._awaited: deque[tuple[float, LeadScore]] = deque()
        self.readable: list[tuple[int, int]] = []
        self.ended = Event()

    def run(self) -> None:
        while not self.ended.wait(POLL_S):
            while self._offered:
                self._awaited.append((0.0, self._offered.popleft()))
            for _ in range(len(self._awaited)):
                self._look(*self._awaited.popleft())

    def _look(self, due: float, score: LeadScore) -> None:
        if time.monotonic() < due:
            self._awaited.append((due, score))
            return
        with suppress(RetriableError):
            row = self._client.row(ROW, (score.tenant, score.lead))
            if row is not None and row.sequence is not None and row.sequence >= score.sequence:
                self.readable.append((score.received_at, now_ms()))
                return
        age_ms = now_ms() - score.received_at
        if age_ms > GIVE_UP_MS:
            self.readable.append((score.received_at, now_ms()))
        else:
            self._awaited.append((time.monotonic() + max(LOOK_S, age_ms / 1000 * LOOK_SHARE), score))


def _listen(kafka: KafkaConfig, cassandra: CassandraConfig, pipe: Connection) -> None:
    with signals.ignored():  # a terminal's Ctrl-C reaches us too: the parent says when it is over
        codec = Registry(kafka).codec()
        topic = topic_name(kafka, Topic.SCORES_PUBLISHED)
        consumer = open_consumer(kafka, group="bench.listener")
        consumer.assign([TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING) for number in partitions_of(consumer, topic)])
        offered: deque[LeadScore] = deque()
        sampler = _Sampler(cassandra, offered)
        sampler.start()
        heard: list[tuple[int, bytes]] = []
        pipe.send("ready")
        asked_at = sampled_at = time.monotonic()
        while True:
            message = consumer.poll(0.02)
            now = time.monotonic()
            if message is not None and message.error() is None:
                heard.append((now_ms(), message.value() or b""))
                if now - sampled_at >= SAMPLE_EVERY_S:
                    sampled_at = now
                    offered.append(codec.decode_as(LeadScore, heard[-1][1]))
            if now - asked_at >= POLL_S:
                asked_at = now
                if not _answered(pipe, heard, sampler, codec):
                    break
        sampler.ended.set()
        consumer.close()


def _answered(pipe: Connection, heard: list[tuple[int, bytes]], sampler: _Sampler, codec: Codec) -> bool:
    """Answer a question, if there is one; False when there will be no more."""
    if not pipe.poll():
        return True
    try:
        question = pipe.recv()
    except EOFError:
        return False
    if question == "count":
        pipe.send(len(heard))
    elif question == "take":
        scores = [(codec.decode_as(LeadScore, value).received_at, at) for at, value in heard]
        pipe.send((_times(scores), _times(sampler.readable)))
        heard.clear()
        sampler.readable = []
    return question is not None


def _times(pairs: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    return np.array(pairs, np.int64).reshape(-1, 2)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
