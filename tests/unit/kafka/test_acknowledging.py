import asyncio

import pytest

from connectors.kafka.acknowledging import AcknowledgingProducer, Outgoing
from connectors.kafka.config import KafkaConfig
from schemas.errors import RetriableError
from tests.builders import MONDAY

NOWHERE = KafkaConfig(bootstrap_servers="127.0.0.1:1")
RECORD = Outgoing("topic", b"acme|ada", b"x" * 100, MONDAY)


def test_what_kafka_does_not_acknowledge_in_time_fails_and_makes_room():
    """No promise, no record left behind in memory."""

    async def story() -> tuple[int, int, int]:
        producer = AcknowledgingProducer(NOWHERE, delivery_timeout_s=0.2)
        under_way = producer.send([RECORD] * 3)
        before = producer.records
        with pytest.raises(RetriableError):
            await under_way
        return before, producer.records, producer.bytes

    assert (3, 0, 0) == asyncio.run(story())


def test_a_full_queue_refuses_before_it_takes_anything():
    """Memory is bounded by records and by bytes."""

    async def story() -> list[str | None]:
        told = []
        for limits in ({"queue_records": 2}, {"queue_bytes": 150}, {}):
            producer = AcknowledgingProducer(NOWHERE, delivery_timeout_s=0.2, **limits)
            under_way = producer.send([RECORD, RECORD])
            told.append(producer.refusal())
            if told[-1]:
                with pytest.raises(RetriableError):
                    producer.send([RECORD])
            await asyncio.gather(under_way, return_exceptions=True)
        return told

    assert ["2 records wait for Kafka already", "2 records wait for Kafka already", None] == asyncio.run(story())


def test_a_kafka_that_acknowledges_nothing_is_told_from_one_that_is_slow():
    """While nothing at all is acknowledged, nobody else is made to wait for it; then it is tried again."""

    async def story() -> tuple[str | None, str | None]:
        producer = AcknowledgingProducer(NOWHERE, delivery_timeout_s=0.5, stalled_s=0.0)
        under_way = producer.send([RECORD])
        await asyncio.sleep(0)
        stalled = producer.refusal()
        await asyncio.gather(under_way, return_exceptions=True)
        return stalled, producer.refusal()

    assert ("Kafka has acknowledged nothing for 0 s", None) == asyncio.run(story())


def test_nothing_to_send_is_done_at_once():
    """A batch whose events are all for others."""

    async def story() -> bool:
        return AcknowledgingProducer(NOWHERE).send([]).done()

    assert asyncio.run(story())
