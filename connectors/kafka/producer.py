"""Publishes typed values, in order, each acknowledged."""

from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError

from connectors.kafka.admin import max_message_bytes, topic_name
from connectors.kafka.config import KafkaConfig
from schemas.codec import Codec
from schemas.errors import PoisonRecordError, RetriableError
from schemas.ids import Millis
from schemas.topics import Topic, Value

QUEUE_RECORDS = 50_000
QUEUE_KB = 65_536
"""Records and kilobytes waiting to be sent; a full queue makes `publish` wait, so memory is bounded."""

DELIVERY_TIMEOUT_S = 120.0

REFUSED = {
    KafkaError.MSG_SIZE_TOO_LARGE: "too_large",
    KafkaError.RECORD_LIST_TOO_LARGE: "too_large",
    KafkaError.INVALID_TIMESTAMP: "invalid",
    KafkaError.INVALID_RECORD: "invalid",
}
"""Errors of a delivery that no second try mends → reason."""


class Producer:
    """An idempotent producer: records of one key keep their order and are written once.

    Delivery is checked at `flush`, which a caller must call before it forgets what it published.
    """

    def __init__(self, config: KafkaConfig, codec: Codec) -> None:
        self._config = config
        self._codec = codec
        self._failures: list[Any] = []
        self._names = {topic: topic_name(config, topic) for topic in Topic}
        self._producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": config.bootstrap_servers,
                "enable.idempotence": True,
                # A broker forgets a producer whose records' own times are more than a day old when it restarts. It then takes a later request
                # before an earlier one that got lost, and the client holds both for delivered: so there is no later one under way.
                "max.in.flight.requests.per.connection": 1,
                "acks": "all",
                "partitioner": "murmur2_random",  # the Java client's, so that a key has one partition whoever writes
                "compression.type": "lz4",  # in librdkafka's own thread: costs Python nothing
                # each request costs the broker, and wakes every reader of the topic: 50 a second are enough for a path that batches by 50 ms
                "linger.ms": 20,
                "queue.buffering.max.messages": QUEUE_RECORDS,
                "queue.buffering.max.kbytes": QUEUE_KB,
                "message.max.bytes": max_message_bytes(config, Topic.RECORDS_DEAD),
                "message.timeout.ms": round(DELIVERY_TIMEOUT_S * 1000),
                "log_level": 0,
            }
        )

    def publish(self, topic: Topic, value: Value, *, key: str, at: Millis) -> None:
        """Queue a value for its topic; waits while the queue is full.

        Parameters
        ----------
        topic
            Where to.
        value
            What; of the topic's own type.
        key
            The record's key: `tenant|lead`, or what the value's type says.
        at
            The record's Kafka timestamp: `occurred_at` or `as_of`.

        Raises
        ------
        PoisonRecordError
            The value does not fit its schema, or is too large for the topic.
        RetriableError
            Kafka is away and the queue stays full.
        """
        self.forward(self._names[topic], key=key.encode(), value=self._codec.encode(value), at=at)

    def forward(self, name: str, *, key: bytes | None, value: bytes, at: Millis) -> None:
        """Queue bytes as they are for a topic by its full name.

        Raises
        ------
        PoisonRecordError, RetriableError
            As `publish`.
        """
        while True:
            try:
                self._producer.produce(name, value=value, key=key, timestamp=at, on_delivery=self._delivered)
            except BufferError:
                self._wait_for_room()
            except confluent_kafka.KafkaException as exc:
                raise PoisonRecordError(f"a record of {len(value)} bytes was refused for {name}: {exc}", reason="too_large") from exc
            else:
                self._producer.poll(0)
                return

    def flush(self, timeout_s: float = DELIVERY_TIMEOUT_S) -> None:
        """Wait until everything published is acknowledged.

        Raises
        ------
        PoisonRecordError
            Kafka refuses a record for what it is: too large for its topic, or its timestamp lies in the future.
        RetriableError
            Some records were not: says how many and why. They may be published again.
        """
        waiting = self._producer.flush(timeout_s)
        failures, self._failures = self._failures, []
        refused = [error for error in failures if error.code() in REFUSED]
        if refused:
            raise PoisonRecordError(f"{len(refused)} records were refused by Kafka, the first: {refused[0].str()}", reason=REFUSED[refused[0].code()])
        if waiting or failures:
            why = failures[0].str() if failures else f"no answer in {timeout_s:.0f} s"
            raise RetriableError(f"{waiting + len(failures)} records were not delivered to {self._config.bootstrap_servers}: {why}")

    def _wait_for_room(self) -> None:
        before = len(self._producer)
        self._producer.poll(DELIVERY_TIMEOUT_S)
        if len(self._producer) >= before:
            raise RetriableError(f"Kafka at {self._config.bootstrap_servers} takes no records: {before} are waiting to be sent")

    def _delivered(self, error: Any, _record: Any) -> None:
        if error is not None:
            self._failures.append(error)
