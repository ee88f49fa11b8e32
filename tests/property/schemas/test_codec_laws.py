import io

import fastavro
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from schemas.avro_bytes import put_long, varint
from schemas.codec import _BY_HAND, _READERS, FRAME, MAGIC, Codec, Schema, _as_record
from schemas.errors import PoisonRecordError
from schemas.ids import lead_key, split_lead_key
from schemas.request_bytes import request_bytes
from schemas.sent_request import SenderWords, SentRequest
from schemas.topics import Value
from tests.builders import IDS
from tests.strategies import names, tenants, values


def nothing(schema_id: int) -> Schema:
    raise PoisonRecordError(f"no schema {schema_id}", reason="unknown_schema")


CODEC = Codec(IDS, nothing)


@given(values)
def test_every_value_comes_back_as_it_was(value: Value):
    """Encoding loses nothing, whatever the texts, numbers and instants."""
    assert value == CODEC.decode(CODEC.encode(value))


@given(st.binary(max_size=300), st.sampled_from([None, *IDS.values()]))
@example(b"\x80" * 20, 1)  # a length that never ends
@example(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 1)  # a length of 2⁶³
@example(b"\x01", 1)  # a negative length
@example(b"\x04\xff\xfe", 1)  # not UTF-8
def test_arbitrary_bytes_are_poison_or_a_value(body: bytes, schema_id: int | None):
    """Whatever arrives, the batch goes on: nothing but a poison error is ever raised."""
    data = body if schema_id is None else FRAME.pack(MAGIC, schema_id) + body
    try:
        decoded: object = CODEC.decode(data)
    except PoisonRecordError as error:
        decoded = error.reason

    assert decoded is not None


@given(values, st.data())
def test_a_changed_byte_is_poison_or_a_value(value: Value, data: st.DataObject):
    """A record that was damaged on its way raises nothing else either."""
    record = bytearray(CODEC.encode(value))
    record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded: object = CODEC.decode(bytes(record))
    except PoisonRecordError as error:
        decoded = error.reason

    assert decoded is not None


@given(values, st.data())
def test_a_truncated_record_is_never_read(value: Value, data: st.DataObject):
    """A record that was cut is refused."""
    record = CODEC.encode(value)
    length = data.draw(st.integers(0, len(record) - 1))

    with pytest.raises(PoisonRecordError):
        CODEC.decode(record[:length])


@given(tenants, names)
def test_a_key_splits_into_its_tenant_and_lead(tenant: str, lead: str):
    """Two leads never share a key, whatever characters a lead's id has."""
    assert (tenant, lead) == split_lead_key(lead_key(tenant, lead))


@given(values)
def test_what_is_written_by_hand_is_as_the_general_writer_writes_it(value: Value):
    """The fast way is a shorter way to the same bytes, and none of them falls back on the slow one."""
    assume(type(value) in _BY_HAND)
    general = io.BytesIO(b"frame")
    general.seek(5)
    fastavro.schemaless_writer(general, _READERS[type(value)], _as_record(value))

    assert general.getvalue() == _BY_HAND[type(value)](b"frame", value)


@given(st.integers(-(2**63), 2**63 - 1))
@example(2**34 - 1)
@example(2**34)
@example(2**35 - 1)
@example(2**41 - 1)
@example(2**41)
@example(-(2**34))
@example(-(2**41) - 1)
def test_whole_numbers_are_written_as_the_general_writer_writes_them(number: int):
    """Those of six bytes have a way of their own."""
    general = io.BytesIO()
    fastavro.schemaless_writer(general, {"type": "long"}, number)
    parts: list[bytes] = []
    put_long(parts.append, number)

    assert [general.getvalue()] * 2 == [varint(number), b"".join(parts)]


@given(st.integers(2**34, 2**41 - 1))
def test_instants_are_written_as_the_general_writer_writes_them(ms: int):
    """Every group of seven bits has its place."""
    general = io.BytesIO()
    fastavro.schemaless_writer(general, {"type": "long"}, ms)
    parts: list[bytes] = []
    put_long(parts.append, ms)

    assert general.getvalue() == b"".join(parts)


@given(
    st.builds(
        SentRequest,
        names,
        names,
        names,
        names,
        st.integers(-(2**63), 2**63 - 1),
        st.builds(SenderWords, st.none() | names, st.binary(max_size=20_000)),
        st.none() | names,
        st.none() | names,
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
    )
)
def test_requests_are_written_as_the_general_writer_writes_them(request: SentRequest):
    """And read back as they were."""
    general = io.BytesIO()
    fastavro.schemaless_writer(general, _READERS[SentRequest], _as_record(request))

    assert general.getvalue() == request_bytes(b"", request)
    assert request == CODEC.decode(CODEC.encode(request))
