import pytest

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records, read_values
from connectors.kafka.marks import Marks, Place
from connectors.kafka.producer import Producer
from schemas.codec import Codec
from schemas.errors import PoisonRecordError, RetriableError
from schemas.ids import lead_key
from schemas.topics import Topic
from tests.builders import MONDAY, instant, later, opened_email, won

TOPIC = Topic.EVENTS_RECEIVED


def test_what_is_published_is_read(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """Values come back equal, in the order of their lead."""
    sent = [opened_email("ada", at=later(MONDAY, minutes=i)) for i in range(100)]
    for event in sent:
        producer.publish(TOPIC, event, key=lead_key(event.tenant, event.lead), at=event.occurred_at)
    producer.flush()

    assert sent == read_values(deployed, codec, TOPIC)


def test_a_record_carries_its_key_and_its_own_time(deployed: KafkaConfig, producer: Producer):
    """The Kafka timestamp is when it happened, not when it was sent."""
    producer.publish(Topic.OUTCOMES_RECEIVED, won(), key="acme|ada", at=won().occurred_at)
    producer.flush()
    (record,) = read_records(deployed, Topic.OUTCOMES_RECEIVED)

    assert (b"acme|ada", won().occurred_at) == (record.key, record.at)


def test_an_empty_topic_is_read_at_once(deployed: KafkaConfig):
    """Nothing is waited for where nothing is."""
    assert [] == list(read_records(deployed, TOPIC))


def test_a_record_of_ten_megabytes_passes(deployed: KafkaConfig, producer: Producer):
    """It is for the jobs to dead-letter it, whole."""
    value = b"\xff" * 10_000_000
    producer.forward(f"{deployed.topic_prefix}{TOPIC.value}", key=None, value=value, at=MONDAY)
    producer.flush()
    (record,) = read_records(deployed, TOPIC)

    assert (None, value) == (record.key, record.value)


def test_a_record_beyond_the_limit_is_poison(deployed: KafkaConfig, producer: Producer):
    """The producer refuses it before it is queued."""
    with pytest.raises(PoisonRecordError) as caught:
        producer.forward(f"{deployed.topic_prefix}{TOPIC.value}", key=None, value=b"\xff" * (deployed.max_record_bytes + 2_000_000), at=MONDAY)

    assert "too_large" == caught.value.reason


def test_a_delivery_that_kafka_refuses_is_told_at_flush(deployed: KafkaConfig, producer: Producer):
    """Nothing is lost silently: a timestamp in the future would push a job's time ahead, so Kafka takes no such record."""
    producer.forward(f"{deployed.topic_prefix}{TOPIC.value}", key=None, value=b"x", at=instant("2100-01-01"))

    with pytest.raises(PoisonRecordError, match="1 records were refused"):
        producer.flush()


def test_kafka_that_is_away_is_told_at_flush(codec: Codec):
    """Records that were not acknowledged may be published again."""
    producer = Producer(KafkaConfig(bootstrap_servers="127.0.0.1:1"), codec)
    producer.publish(TOPIC, opened_email(), key="acme|ada", at=MONDAY)

    with pytest.raises(RetriableError, match="1 records were not delivered"):
        producer.flush(timeout_s=0.2)


def test_a_topic_that_does_not_exist_is_told(kafka: KafkaConfig):
    """Reading names the topic and the command that makes it."""
    with pytest.raises(RetriableError, match="infra up"):
        list(read_records(kafka, TOPIC))


def test_marks_are_kept_and_never_go_back(deployed: KafkaConfig):
    """How far a topic was dealt with outlives the process that dealt with it."""
    name = f"{deployed.topic_prefix}{TOPIC.value}"
    with Marks(deployed, name, group="test") as marks:
        marks.pass_over([Place(0, 4), Place(1, 0), Place(0, 2)])
        marks.pass_over([Place(0, 1)])
    with Marks(deployed, name, group="test") as marks:
        kept = [marks.next_offset(partition) for partition in range(3)]

    assert [5, 1, 0] == kept
