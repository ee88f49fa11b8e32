import io
from collections import Counter

import pytest
from rich.console import Console

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records
from connectors.kafka.producer import Producer
from infra import dead_letters
from infra.dead_letters import Replayed
from schemas.codec import Codec
from schemas.dead_letter import DeadLetter
from schemas.errors import ConfigError
from schemas.topics import Topic
from tests.builders import MONDAY, later

ENRICH, SCORE = "enrich_events.enrich_lane", "score_leads.score_lane"


def died(producer: Producer, *values: bytes, stage: str = ENRICH, topic: str = Topic.EVENTS_RECEIVED.value) -> None:
    for i, value in enumerate(values):
        letter = DeadLetter(stage, topic, "not_avro", "not [in] wire format", "0.1.0", later(MONDAY, minutes=i), b"acme|\xff", value)
        producer.publish(Topic.RECORDS_DEAD, letter, key=f"key-{i}", at=letter.failed_at)
    producer.flush()


def sent_back(config: KafkaConfig, topic: Topic = Topic.EVENTS_RECEIVED) -> Counter[tuple[bytes | None, bytes]]:
    return Counter((record.key, record.value) for record in read_records(config, topic))


def test_a_dead_letter_goes_back_whole(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """Value and key are the bytes that were read, on the topic they were read from."""
    died(producer, b"\x00\xff", b"", b"{")
    died(producer, b"late", topic=f"{deployed.topic_prefix}{Topic.OUTCOMES_RECEIVED.value}")
    dead_letters.replay(deployed, codec)

    assert Counter({(b"acme|\xff", value): 1 for value in (b"\x00\xff", b"", b"{")}) == sent_back(deployed)
    assert Counter({(b"acme|\xff", b"late"): 1}) == sent_back(deployed, Topic.OUTCOMES_RECEIVED)


def test_replaying_twice_sends_what_died_since(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """What went back once does not go again, unless told."""
    died(producer, b"one", b"two")
    first = dead_letters.replay(deployed, codec)
    died(producer, b"three")
    second = dead_letters.replay(deployed, codec)
    again = dead_letters.replay(deployed, codec, again=True)

    assert (Replayed(2, 0), Replayed(1, 2), Replayed(3, 0)) == (first, second, again)


def test_replaying_one_stage_leaves_the_others(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """A stage that was mended can be replayed alone; the others can follow later."""
    died(producer, b"one", b"two", stage=SCORE)
    died(producer, b"three")
    first = dead_letters.replay(deployed, codec, stage=ENRICH)
    second = dead_letters.replay(deployed, codec)

    assert (Replayed(1, 0), Replayed(2, 1)) == (first, second)


def test_a_letter_from_nowhere_stops_before_anything_is_sent(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """A topic that is none of ours is told by its name."""
    died(producer, b"one")
    died(producer, b"two", topic="invoices")

    with pytest.raises(ConfigError, match="invoices"):
        dead_letters.replay(deployed, codec)
    assert Counter() == sent_back(deployed)


def test_a_list_shows_no_values(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """A value may name a person: it is shown only when asked for."""
    died(producer, b"ada@example.com")
    shown = [printed(deployed, codec, show_value=show_value) for show_value in (False, True)]

    assert [(True, False), (True, True)] == [("not [in] wire format" in text, "ada@example.com" in text) for text in shown]


def test_a_list_can_be_narrowed(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """By stage and by reason."""
    died(producer, b"one", b"two", stage=SCORE)
    died(producer, b"three")
    by_stage = len(list(dead_letters.find(deployed, codec, stage=SCORE)))
    by_reason = len(list(dead_letters.find(deployed, codec, reason="too_large")))

    assert (2, 0) == (by_stage, by_reason)


def printed(config: KafkaConfig, codec: Codec, *, show_value: bool) -> str:
    out = io.StringIO()
    Console(file=out, width=250).print(dead_letters.table(dead_letters.find(config, codec), show_value=show_value))
    return out.getvalue()
