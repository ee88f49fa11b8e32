"""Records that cannot be read, and a registry that is away."""

import pytest
import stamina

from jobs.operators.guard import Guard
from schemas.codec import FRAME, MAGIC, Codec, Schema, schema_of
from schemas.errors import PoisonRecordError, RetriableError
from schemas.event import Event
from schemas.topics import Topic, Value
from tests.builders import IDS, an_event, won
from tests.unit.jobs.fakes import CODEC, a_record

EVENT_ID = IDS[Topic.EVENTS_RECEIVED]
WHOLE = CODEC.encode(an_event())
TOPICS = (Topic.EVENTS_RECEIVED, Topic.OUTCOMES_RECEIVED)


def only_acme(value: Value, _: bytes) -> None:
    if value.tenant != "acme":
        raise PoisonRecordError("another tenant's")


def a_guard(codec: Codec = CODEC) -> Guard:
    return Guard("job.operator", codec, TOPICS, check=only_acme, max_bytes=2_000, release="1.2.3+abc")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "not_avro"),
        (b"\x00\x00", "not_avro"),
        (b"hello, world", "not_avro"),
        (b"\xff\xfe\xfd\xfc\xfb\xfa", "not_avro"),
        (FRAME.pack(MAGIC, 4_711) + b"body", "unknown_schema"),
        (WHOLE[:-3], "not_avro"),
        (WHOLE + b"more", "not_avro"),
        (FRAME.pack(MAGIC, EVENT_ID) + b"\x02\xff" * 40, "not_avro"),
        (FRAME.pack(MAGIC, EVENT_ID) + b"\x04\xff\xfe" + WHOLE[10:], "not_avro"),
        (bytes(2_001), "too_large"),
        (CODEC.encode(an_event(tenant="globex")), "invalid"),
    ],
    ids=["empty", "cut frame", "text", "not UTF-8", "unknown schema", "cut short", "left over", "nonsense", "text not UTF-8", "10 MB", "refused"],
)
def test_a_record_that_cannot_be_read_is_kept_whole(value: bytes, reason: str):
    """Key, value, topic and stage as they were, and one word of why."""
    [letter] = a_guard().decode(([b"the key"], [value], [1])).dead

    assert (b"the key", value, "prox.outcomes.received.v1", "job.operator", reason) == (
        letter.key,
        letter.value,
        letter.topic,
        letter.stage,
        letter.reason,
    )
    assert letter.message
    assert "1.2.3+abc" == letter.processor_version


def test_one_dead_record_takes_nobody_with_it():
    """The rest of its batch goes on, in order."""
    records = [a_record(an_event("ada")), a_record(an_event("bob"))._replace(value=b"?"), a_record(won("eve"), 1)]
    decoded = a_guard().decode(tuple([record[i] for record in records] for i in range(3)))

    assert (["ada", "eve"], [b"acme|bob"]) == ([value.lead for value in decoded.values], [letter.key for letter in decoded.dead])


def test_a_batch_waits_while_the_registry_is_away():
    """A schema that was never met is asked for until the registry answers, and the record is read then."""
    asked = []

    def writer_schema(schema_id: int) -> Schema:
        asked.append(schema_id)
        if len(asked) < 4:
            raise RetriableError("the registry is away")
        return schema_of(Event)

    record = FRAME.pack(MAGIC, 99) + WHOLE[FRAME.size :]
    with stamina.set_testing(True, attempts=9):
        decoded = a_guard(Codec(IDS, writer_schema)).decode(([b"acme|ada"], [record], [0]))

    assert ([an_event()], [], 4) == (decoded.values, decoded.dead, len(asked))


def test_a_registry_that_stays_away_kills_no_record():
    """The error goes up, so that Flink restarts the job, and the record is read again."""

    def writer_schema(_: int) -> Schema:
        raise RetriableError("the registry is away")

    record = FRAME.pack(MAGIC, 99) + WHOLE[FRAME.size :]
    with stamina.set_testing(True, attempts=3), pytest.raises(RetriableError):
        a_guard(Codec(IDS, writer_schema)).decode(([b"acme|ada"], [record], [0]))
