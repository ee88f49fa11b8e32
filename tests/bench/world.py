"""Where runners meet: the servers' addresses, the topics of one workload, and the workload in them."""

from pathlib import Path

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from rich.console import Console
from rich.progress import track

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import TIMEOUT_S, open_consumer, partitions_of
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra import retention
from infra.stack import Stack, deploy
from schemas.ids import lead_key
from schemas.topics import Topic
from tests.bench.workload import Workload

Ends = dict[int, int]
"""Partition → offset."""


class World:
    """One workload on one stack, under a topic prefix of its own.

    Parameters
    ----------
    stack
        With Kafka and the registry running.
    name
        Of the workload: its topics' prefix.
    workload
        What is published.
    """

    def __init__(self, stack: Stack, name: str, workload: Workload) -> None:
        self.stack = stack
        self.workload = workload
        self.name = name
        self.kafka: KafkaConfig = stack.kafka.model_copy(update={"topic_prefix": f"{name}."})

    def prepare(self, console: Console, outputs: list[str]) -> None:
        """Make the topics, the output topics with the broker's clock, and publish the model and all events."""
        self._make_outputs(outputs)
        deploy.deploy_topics(self.kafka, retention.POLICY.for_replays())
        deploy.deploy_schemas(self.kafka)
        producer = Producer(self.kafka, Registry(self.kafka).codec())
        snapshot = self.workload.snapshot()
        producer.publish(Topic.MODELS_PUBLISHED, snapshot, key=lead_key(snapshot.tenant, str(snapshot.version)), at=snapshot.published_at)
        events = track(self.workload.stream(), f"{self.name}: events", total=self.workload.total, console=console, transient=True)
        for event in events:
            producer.publish(Topic.EVENTS_ENRICHED, event, key=lead_key(event.tenant, event.lead), at=event.occurred_at)
        producer.flush()

    @property
    def scores_topic(self) -> str:
        """Where `score_leads` publishes."""
        return topic_name(self.kafka, Topic.SCORES_PUBLISHED)

    def state_dir(self, run: str) -> Path:
        """A folder for what one run keeps."""
        return self.stack.run_dir / "bench" / self.name / run

    def ends(self, topic: str) -> Ends:
        """Where a topic ends now."""
        consumer = open_consumer(self.kafka, group="bench.ends")
        try:
            return {
                number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=TIMEOUT_S)[1]
                for number in partitions_of(consumer, topic)
            }
        finally:
            consumer.close()

    def _make_outputs(self, names: list[str]) -> None:
        # the broker's clock says when a score arrived: no consumer is needed while a runner has the machine
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap_servers})
        wanted = [NewTopic(name, self.kafka.partitions, 1, config={"message.timestamp.type": "LogAppendTime"}) for name in names]
        for future in admin.create_topics(wanted).values():
            future.result()
