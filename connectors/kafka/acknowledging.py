"""Publishes for an event loop: a future for each group of records, done when Kafka has them all."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import confluent_kafka

from connectors.kafka.admin import max_message_bytes
from connectors.kafka.config import KafkaConfig
from connectors.kafka.producer import REFUSED
from schemas.errors import PoisonRecordError, RetriableError
from schemas.ids import Millis
from schemas.topics import Topic

POLL_S = 0.005
"""How often acknowledgements are looked for while any is awaited. In the loop itself: a thread would fight it for the interpreter. Records do
not wait for it, only answers; each look costs 30 µs on a core that is busy, so every millisecond was 3 % of it."""


class Outgoing(NamedTuple):
    """A record on its way: topic by its full name, and Kafka's timestamp."""

    name: str
    key: bytes
    value: bytes
    at: Millis


class AcknowledgingProducer:
    """An idempotent producer with acks=all: what is acknowledged is on all replicas in sync.

    Memory is bounded: beyond `queue_records` or `queue_bytes` under way, `send` refuses at once. So it does while Kafka has acknowledged
    nothing for `stalled_s`, though records wait. It belongs to the event loop that calls it.

    Parameters
    ----------
    config
        Where Kafka is.
    queue_records, queue_bytes
        Records and bytes under way at most.
    delivery_timeout_s
        A record that Kafka has not acknowledged by then is given up; it may still have arrived.
    stalled_s
        See above.
    """

    def __init__(
        self,
        config: KafkaConfig,
        *,
        queue_records: int = 20_000,
        queue_bytes: int = 67_108_864,
        delivery_timeout_s: float = 8.0,
        stalled_s: float = 3.0,
    ) -> None:
        self._config = config
        self._queue_records = queue_records
        self._queue_bytes = queue_bytes
        self._delivery_timeout_s = delivery_timeout_s
        self._stalled_s = stalled_s
        self._under_way: set[_Group] = set()
        self._records = 0
        self._bytes = 0
        self._quiet_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_fatal = False
        self._old: list[Any] = []
        self._producer = self._opened()

    @property
    def records(self) -> int:
        """Records under way."""
        return self._records

    @property
    def bytes(self) -> int:
        """Bytes under way."""
        return self._bytes

    def refusal(self) -> str | None:
        """Why nothing more is taken now; None: something is."""
        if not self._under_way:
            return None
        if self._records >= self._queue_records or self._bytes >= self._queue_bytes:
            return f"{self._records} records wait for Kafka already"
        if time.monotonic() - self._quiet_since > self._stalled_s:
            return f"Kafka has acknowledged nothing for {self._stalled_s:.0f} s"
        return None

    def send(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        """Send records, each in order of its key; the future is done when Kafka has all of them.

        Returns
        -------
        A future that raises RetriableError when a record was given up: some of the others may have arrived. PoisonRecordError when
        Kafka refuses one for what it is.

        Raises
        ------
        RetriableError
            The queue is full or Kafka is stalled: nothing was sent.
        """
        loop = asyncio.get_running_loop()
        why = self.refusal()
        if why:
            raise RetriableError(why)
        if self._is_fatal:
            self._replace()
        group = _Group(self, loop.create_future(), len(records), sum([len(record.value) for record in records]))
        if not records:
            group.future.set_result(None)
            return group.future
        if not self._under_way:
            self._quiet_since = time.monotonic()
        self._under_way.add(group)
        self._records += group.left
        self._bytes += group.size
        produce, done = self._producer.produce, group.done
        for name, key, value, at in records:
            try:
                produce(name, value, key, timestamp=at, on_delivery=done)
            except BufferError:
                done(confluent_kafka.KafkaError(confluent_kafka.KafkaError._QUEUE_FULL), None)  # noqa: SLF001 - the library names its own codes so
            except confluent_kafka.KafkaException as exc:
                done(exc.args[0], None)
        if self._timer is None:
            self._timer = loop.call_later(POLL_S, self._poll, loop)
        return group.future

    async def close(self) -> None:
        """Wait for what is under way, as long as a delivery may take."""
        while self._under_way:
            await asyncio.wait([group.future for group in self._under_way])

    def settle(self, group: "_Group") -> None:
        """A group's last record was acknowledged or given up."""
        self._under_way.discard(group)
        self._records -= group.total
        self._bytes -= group.size
        self._quiet_since = time.monotonic()
        if group.error is not None and group.error.fatal():
            self._is_fatal = True
        if group.future.done():  # whoever waited has gone
            return
        if group.error is None:
            group.future.set_result(None)
        elif group.error.code() in REFUSED:
            group.future.set_exception(PoisonRecordError(f"refused by Kafka: {group.error.str()}", reason=REFUSED[group.error.code()]))
        else:
            group.future.set_exception(RetriableError(f"not acknowledged by {self._config.bootstrap_servers}: {group.error.str()}"))

    def _poll(self, loop: asyncio.AbstractEventLoop) -> None:
        self._producer.poll(0)
        if self._old:
            for producer in self._old:
                producer.poll(0)
            self._old = [producer for producer in self._old if len(producer)]
        self._timer = loop.call_later(POLL_S, self._poll, loop) if self._under_way else None

    def _replace(self) -> None:
        # after a fatal error, as when Kafka has lost its memory of this producer, librdkafka takes nothing more
        self._old.append(self._producer)
        self._producer = self._opened()
        self._is_fatal = False

    def _opened(self) -> Any:
        return confluent_kafka.Producer(
            {
                "bootstrap.servers": self._config.bootstrap_servers,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",  # the Java client's, so that a key has one partition whoever writes
                "compression.type": "lz4",
                "linger.ms": 10,  # a request to Kafka holds one partition's records: with 5 they were two or three, and no SDK waits for its answer
                # this class counts; the library's own limits only have to be no lower
                "queue.buffering.max.messages": self._queue_records + 100_000,
                "queue.buffering.max.kbytes": 2 * self._queue_bytes // 1_024 + 65_536,
                "message.max.bytes": max_message_bytes(self._config, Topic.RECORDS_DEAD),
                "message.timeout.ms": round(self._delivery_timeout_s * 1_000),
                "reconnect.backoff.max.ms": 1_000,
                "log_level": 0,
            }
        )


class _Group:
    """Records that are awaited together."""

    __slots__ = ("_producer", "error", "future", "left", "size", "total")

    def __init__(self, producer: AcknowledgingProducer, future: asyncio.Future[None], total: int, size: int) -> None:
        self._producer = producer
        self.future = future
        self.left = self.total = total
        self.size = size
        self.error: Any = None

    def done(self, error: Any, _record: Any) -> None:
        """One record was acknowledged, or given up."""
        if error is not None and self.error is None:
            self.error = error
        self.left -= 1
        if not self.left:
            self._producer.settle(self)
