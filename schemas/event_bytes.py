"""Avro bytes of an event, written by hand: four times as fast as the general writer, and the same bytes (a law says so).

The collector writes more events than anybody, and each has some forty texts in it.
"""

import struct

from schemas.avro_bytes import NULL, SECOND, Put, flag, put_long, put_maybe_long, put_maybe_text, put_text, varint
from schemas.event import Event, Person

MOST_NAMES = 16_384
"""Names of properties and context that are kept encoded; then they are forgotten together."""
_DOUBLE = struct.Struct("<d").pack
_names: dict[str, bytes] = {}


def event_bytes(event: Event) -> bytes:
    """The event's fields in the order of `avro/event.avsc`, without the frame.

    Raises
    ------
    TypeError, AttributeError, ValueError, UnicodeEncodeError
        A field is not of its type. The general writer says which.
    """
    parts: list[bytes] = []
    put = parts.append
    for text in event[:5]:
        put_text(put, text)
    put_long(put, event.occurred_at)
    put_long(put, event.received_at)
    _properties(put, event.properties)
    _texts(put, event.context)
    _consent(put, event.consent)
    put_maybe_text(put, event.anonymous_id)
    put_maybe_text(put, event.user_id)
    put_maybe_text(put, event.account_id)
    _person(put, event.person)
    put_maybe_text(put, event.previous_id)
    _texts(put, event.identifiers)
    put_text(put, event.source)
    put_maybe_long(put, event.original_at)
    put_maybe_long(put, event.sent_at)
    for said in (event.is_clamped, event.is_consent_stated, event.gpc):
        put(flag(said))
    return b"".join(parts)


def _name(name: str) -> bytes:
    """A name with its length."""
    known = _names.get(name)
    if known is None:
        if len(_names) >= MOST_NAMES:
            _names.clear()
        raw = name.encode()
        known = _names[name] = varint(len(raw)) + raw
    return known


def _properties(put: Put, values: dict[str, str | float]) -> None:
    if values:
        put(varint(len(values)))
        for name, value in values.items():
            put(_name(name))
            if type(value) is str:
                put(NULL)  # the first of the union
                put_text(put, value)
            elif type(value) is float:
                put(SECOND)
                put(_DOUBLE(value))
            else:
                raise TypeError("a property is neither text nor float")
    put(NULL)


def _texts(put: Put, values: dict[str, str]) -> None:
    if values:
        put(varint(len(values)))
        for name, value in values.items():
            put(_name(name))
            put_text(put, value)
    put(NULL)


def _consent(put: Put, values: dict[str, bool]) -> None:
    if values:
        put(varint(len(values)))
        for name, value in values.items():
            put(_name(name))
            put(flag(value))
    put(NULL)


def _person(put: Put, person: Person | None) -> None:
    if person is None:
        put(NULL)
        return
    put(SECOND)
    for text in person:
        put_maybe_text(put, text)
