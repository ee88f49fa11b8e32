"""Schemas that somebody else registered: what they wrote is poison, never an error that ends a job."""

import copy
import io
from typing import Any

import fastavro
import pytest

from schemas.codec import FRAME, MAGIC, Codec, Schema, schema_of
from schemas.errors import PoisonRecordError
from schemas.event import Event
from schemas.topics import Topic
from tests.builders import IDS, opened_email

FOREIGN = 4_711
REQUIRED = [field["name"] for field in schema_of(Event)["fields"] if "default" not in field]


def reason_of(schema: Schema, data: bytes) -> str:
    with pytest.raises(PoisonRecordError) as caught:
        Codec(IDS, lambda _: schema).decode(FRAME.pack(MAGIC, FOREIGN) + data)
    return caught.value.reason


def bare(schema: Schema, record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(schema)), record)
    return out.getvalue()


@pytest.mark.parametrize("missing", REQUIRED)
def test_an_event_whose_schema_lacks_a_field_is_poison(missing: str):
    """No default stands in for what an event must say."""
    schema = schema_of(Event)
    schema["fields"] = [field for field in schema["fields"] if field["name"] != missing]
    record = opened_email()._asdict()
    del record[missing]

    assert "unknown_schema" == reason_of(schema, bare(schema, record))


def test_an_event_whose_schema_has_another_type_for_a_field_is_poison():
    """A time in words is no time."""
    schema = schema_of(Event)
    next(field for field in schema["fields"] if field["name"] == "occurred_at")["type"] = "string"

    assert "unknown_schema" == reason_of(schema, bare(schema, opened_email()._asdict() | {"occurred_at": "on Monday"}))


@pytest.mark.parametrize("fields", [[{"name": "tenant", "type": "text"}], [{"name": "tenant"}], "none"])
def test_a_schema_that_is_no_schema_is_poison(fields: Any):
    """A registry may hold what no Avro library takes."""
    assert "unknown_schema" == reason_of({"type": "record", "namespace": "prox.v1", "name": "Event", "fields": fields}, b"\x00")


def test_text_that_is_no_utf8_is_poison():
    """Avro's strings are UTF-8; other bytes are kept whole, not guessed at."""
    encoded = Codec(IDS, lambda _: {}).encode(opened_email("ada-lovelace"))
    with pytest.raises(PoisonRecordError) as caught:
        Codec(IDS, lambda _: {}).decode(encoded.replace(b"love", b"\xff\xfe\xc0\x80"))

    assert ("not_avro", IDS[Topic.EVENTS_RECEIVED]) == (caught.value.reason, FRAME.unpack_from(encoded)[1])
