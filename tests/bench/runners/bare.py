"""The limit: one Python process, a consumer, the engine, a producer; memories in a dict, nothing kept."""

import confluent_kafka
from confluent_kafka import TopicPartition

from connectors.kafka.consumer import open_consumer, partitions_of
from models.replay import DictMemories
from schemas.enriched import EnrichedEvent
from schemas.ids import lead_key
from tests.bench.runners.task import Task, now_ms

BATCH = 500
WAIT_S = 0.05


def run(task: Task) -> None:
    """Score everything that comes, until a signal ends it."""
    engine, codec, model_of = task.engine()
    memories = DictMemories()
    producer = confluent_kafka.Producer({"bootstrap.servers": task.kafka.bootstrap_servers, "linger.ms": 5, "compression.type": "lz4"})
    consumer = open_consumer(task.kafka, group="bench.bare")
    consumer.assign([TopicPartition(task.source, number, 0) for number in partitions_of(consumer, task.source)])
    while True:
        messages = [message for message in consumer.consume(BATCH, timeout=WAIT_S) if message.error() is None]
        events = [codec.decode_as(EnrichedEvent, message.value() or b"") for message in messages]
        processed = engine.process(events, memories, model_of, now=now_ms())
        for score in processed.scores:
            producer.produce(task.output, value=codec.encode(score), key=lead_key(score.tenant, score.lead).encode())
        producer.poll(0)
        if not messages:
            producer.flush()


if __name__ == "__main__":
    run(Task.from_environment())
