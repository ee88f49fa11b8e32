import copy
import io

import fastavro
import pytest

from schemas.codec import FRAME, MAGIC, Codec, Schema, schema_of
from schemas.errors import PoisonRecordError, RetriableError
from schemas.event import Event
from schemas.outcome import Outcome
from schemas.topics import Topic, Value
from tests.builders import IDS, opened_email, updated_profile, won

OTHER_ID = 4_711


def codec(schema: Schema | None = None) -> Codec:
    """A codec whose registry knows one schema besides our own."""

    def look_up(schema_id: int) -> Schema:
        if schema is None or schema_id != OTHER_ID:
            raise PoisonRecordError(f"no schema {schema_id}", reason="unknown_schema")
        return schema

    return Codec(IDS, look_up)


def written_with(schema: Schema, record: dict[str, object]) -> bytes:
    out = io.BytesIO()
    out.write(FRAME.pack(MAGIC, OTHER_ID))
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(schema)), record)
    return out.getvalue()


def reason_of(data: bytes, reader: Codec | None = None) -> str:
    with pytest.raises(PoisonRecordError) as caught:
        (reader or codec()).decode(data)
    return caught.value.reason


def test_a_record_begins_with_a_zero_and_the_id_of_its_schema():
    """The wire format is Confluent's, so that any client with the registry can read it."""
    data = codec().encode(opened_email())

    assert (0, IDS[Topic.EVENTS_RECEIVED]) == FRAME.unpack_from(data)


@pytest.mark.parametrize("value", [opened_email(), updated_profile(email="ada@example.com", employees=40.0), won(amount=12.5)])
def test_a_value_comes_back_as_it_was(value: Value):
    """What is encoded is decoded equal, person and numbers included."""
    decoded = codec().decode(codec().encode(value))

    assert value == decoded


def test_another_magic_byte_is_no_avro():
    """A record of another format is dead-lettered, not guessed at."""
    data = b"\x01" + codec().encode(opened_email())[1:]

    assert "not_avro" == reason_of(data)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00\x00\x00", b'{"tenant": "acme"}'])
def test_bytes_that_are_no_frame_are_no_avro(data: bytes):
    """Short bytes and JSON are dead-lettered."""
    assert "not_avro" == reason_of(data)


def test_every_truncation_is_refused():
    """A record that was cut anywhere is dead-lettered, never read as a smaller one."""
    data = codec().encode(updated_profile(email="ada@example.com", industry="retail"))
    reasons = {reason_of(data[:length]) for length in range(len(data))}

    assert {"not_avro"} == reasons


def test_bytes_left_over_are_refused():
    """A record that is longer than its schema says is not what it claims to be."""
    assert "not_avro" == reason_of(codec().encode(won()) + b"\x00")


def test_an_unknown_schema_is_refused():
    """An id that the registry does not know is dead-lettered with its own reason."""
    assert "unknown_schema" == reason_of(FRAME.pack(MAGIC, 99_999) + b"\x00")


def test_a_schema_of_somebody_else_is_refused():
    """A known schema that is no type of ProX is dead-lettered."""
    schema: Schema = {"type": "record", "name": "Invoice", "namespace": "shop", "fields": []}

    assert "unknown_schema" == reason_of(FRAME.pack(MAGIC, OTHER_ID), codec(schema))


def test_a_registry_that_is_away_is_no_fault_of_the_record():
    """The record waits: it is not dead-lettered while its schema cannot be looked up."""

    def away(schema_id: int) -> Schema:
        raise RetriableError(f"no answer for {schema_id}")

    with pytest.raises(RetriableError):
        Codec(IDS, away).decode(FRAME.pack(MAGIC, OTHER_ID) + b"\x00")


def test_a_field_of_a_wrong_type_is_not_written():
    """A producer learns at once that its value fits no schema."""
    wrong = opened_email()._replace(tenant=7)  # type: ignore[arg-type]

    with pytest.raises(PoisonRecordError) as caught:
        codec().encode(wrong)

    assert "wrong_type" == caught.value.reason


def test_a_value_of_another_type_is_refused_where_one_is_wanted():
    """An outcome on a topic of events is dead-lettered."""
    data = codec().encode(won())

    with pytest.raises(PoisonRecordError) as caught:
        codec().decode_as(Event, data)

    assert "wrong_type" == caught.value.reason


def test_a_newer_writer_is_read():
    """A field that we do not know yet is passed over."""
    schema = schema_of(Outcome)
    schema["fields"].append({"name": "currency", "type": "string", "default": "EUR"})
    data = written_with(schema, won()._asdict() | {"currency": "SEK"})

    assert won() == codec(schema).decode(data)


def test_an_older_writer_is_read():
    """A field that was added since has its default."""
    schema = schema_of(Outcome)
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "source"]
    data = written_with(schema, won()._asdict())

    assert won(source="crm") == codec(schema).decode(data)
