import pytest

from connectors.kafka.admin import ensure_topics
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records
from connectors.kafka.producer import Producer
from infra.dead_letters import Replayed as Redelivered
from infra.dead_letters import replay
from infra.replay_log import Replayed, replay_range
from infra.retention import POLICY
from schemas.codec import Codec
from schemas.dead_letter import DeadLetter
from schemas.errors import ConfigError
from schemas.ids import lead_key
from schemas.topics import Topic
from tests.builders import MONDAY, TUESDAY, WEDNESDAY, opened_email, won


def test_a_range_of_time_goes_to_another_deployment_byte_for_byte(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """The end is not part of it, other tenants are not, and the same deployment is refused."""
    for event in (opened_email(at=MONDAY), opened_email(at=TUESDAY), opened_email(at=TUESDAY, tenant="globex"), opened_email(at=WEDNESDAY)):
        producer.publish(Topic.EVENTS_RECEIVED, event, key=lead_key(event.tenant, event.lead), at=event.occurred_at)
    producer.publish(Topic.OUTCOMES_RECEIVED, won(at=TUESDAY), key="acme|ada", at=TUESDAY)
    producer.flush()
    into = f"{deployed.topic_prefix}trial."
    trial = deployed.model_copy(update={"topic_prefix": into})
    ensure_topics(trial, dict.fromkeys((Topic.EVENTS_RECEIVED, Topic.OUTCOMES_RECEIVED), POLICY.for_replays().topic_ms(Topic.EVENTS_RECEIVED)))
    done = replay_range(deployed, codec, since=TUESDAY, until=WEDNESDAY, into=into, tenant="acme")
    there = [record for topic in (Topic.EVENTS_RECEIVED, Topic.OUTCOMES_RECEIVED) for record in read_records(trial, topic)]

    assert Replayed(5, 2) == done
    assert [(b"acme|ada", TUESDAY, opened_email(at=TUESDAY)), (b"acme|ada", TUESDAY, won(at=TUESDAY))] == [
        (record.key, record.at, codec.decode(record.value)) for record in there
    ]
    with pytest.raises(ConfigError):
        replay_range(deployed, codec, since=MONDAY, until=WEDNESDAY, into=deployed.topic_prefix)


def test_dead_letters_of_the_collector_do_not_keep_the_others_back(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """They came from no topic: they stay, and are told."""
    event = codec.encode(opened_email())
    for topic, value in (("http", b"{}"), (Topic.EVENTS_RECEIVED.value, event)):
        letter = DeadLetter("stage", topic, "invalid", "why", "0.1.0", MONDAY, b"acme|ada", value)
        producer.publish(Topic.RECORDS_DEAD, letter, key="acme|ada", at=MONDAY)
    producer.flush()

    assert Redelivered(1, 0, 1) == replay(deployed, codec)
    assert [event] == [record.value for record in read_records(deployed, Topic.EVENTS_RECEIVED)]
