import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from connectors.kafka.admin import ensure_topics, topic_name
from connectors.kafka.config import KafkaConfig
from schemas.errors import ConfigError, RetriableError
from schemas.policy import DAY_MS
from schemas.topics import Topic

WEEK = dict.fromkeys(Topic, 7 * DAY_MS)


def described(config: KafkaConfig, topic: Topic) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": config.bootstrap_servers})
    resource = ConfigResource(ResourceType.TOPIC, topic_name(config, topic))
    entries = admin.describe_configs([resource])[resource].result()
    return {name: entries[name].value for name in ("retention.ms", "cleanup.policy", "message.timestamp.type", "max.message.bytes")}


def test_topics_are_made_once(kafka: KafkaConfig):
    """A second `up` makes none, and says so."""
    first = ensure_topics(kafka, WEEK)

    assert (sorted(topic_name(kafka, topic) for topic in Topic), []) == (first, ensure_topics(kafka, WEEK))


def test_a_topic_is_as_the_policy_says(kafka: KafkaConfig):
    """Retention, the event's own timestamp, and room for the largest record with its reason."""
    ensure_topics(kafka, WEEK)
    expected = {
        "retention.ms": str(7 * DAY_MS),
        "cleanup.policy": "delete",
        "message.timestamp.type": "CreateTime",
        "max.message.bytes": str(kafka.max_record_bytes + 1_048_576),
    }

    assert expected == described(kafka, Topic.RECORDS_DEAD)


def test_models_metrics_and_choices_have_one_partition(kafka: KafkaConfig):
    """Their order matters more than their width."""
    ensure_topics(kafka, WEEK)
    topics = AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=30).topics
    widths = {topic: len(topics[topic_name(kafka, topic)].partitions) for topic in Topic}
    narrow = dict.fromkeys((Topic.MODELS_PUBLISHED, Topic.METRICS_PUBLISHED, Topic.CHAMPIONS_CHOSEN), 1)
    expected = dict.fromkeys(Topic, kafka.partitions) | narrow

    assert expected == widths


def test_more_replicas_than_brokers_are_a_wrong_setting(kafka: KafkaConfig):
    """Kafka's refusal names the topic."""
    with pytest.raises(ConfigError, match="replication"):
        ensure_topics(kafka.model_copy(update={"replication": 3}), WEEK)


def test_kafka_that_is_away_may_come_back():
    """No broker at the address is told as such."""
    nowhere = KafkaConfig(bootstrap_servers="127.0.0.1:1")

    with pytest.raises(RetriableError, match="is it up"):
        ensure_topics(nowhere, WEEK, timeout_s=1.0)
