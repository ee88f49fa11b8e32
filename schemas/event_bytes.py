"""Avro bytes of an event, written by hand: four times as fast as the general writer, and the same bytes (a law says so).

The collector writes more events than anybody, and each has some forty texts in it.
"""

import struct
from collections.abc import Callable

from schemas.event import Event, Person

MOST_NAMES = 16_384
"""Names of properties and context that are kept encoded; then they are forgotten together."""
_DOUBLE = struct.Struct("<d").pack
_NULL, _SECOND, _FALSE, _TRUE = b"\x00", b"\x02", b"\x00", b"\x01"
_names: dict[str, bytes] = {}

Put = Callable[[bytes], None]


def _varint(number: int) -> bytes:
    """A whole number as Avro has it: zigzag, seven bits a byte."""
    left = (number << 1) ^ (number >> 63)
    out = bytearray()
    while left & ~0x7F:
        out.append((left & 0x7F) | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


_LENGTHS = [_varint(number) for number in range(4_096)]


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
        _text(put, text)
    _long(put, event.occurred_at)
    _long(put, event.received_at)
    _properties(put, event.properties)
    _texts(put, event.context)
    _consent(put, event.consent)
    _maybe_text(put, event.anonymous_id)
    _maybe_text(put, event.user_id)
    _maybe_text(put, event.account_id)
    _person(put, event.person)
    _maybe_text(put, event.previous_id)
    _texts(put, event.identifiers)
    _text(put, event.source)
    _maybe_long(put, event.original_at)
    _maybe_long(put, event.sent_at)
    for flag in (event.is_clamped, event.is_consent_stated, event.gpc):
        put(_flag(flag))
    return b"".join(parts)


def _text(put: Put, text: str) -> None:
    raw = text.encode()
    size = len(raw)
    put(_LENGTHS[size] if size < len(_LENGTHS) else _varint(size))
    put(raw)


def _maybe_text(put: Put, text: str | None) -> None:
    if text is None:
        put(_NULL)
    else:
        put(_SECOND)
        _text(put, text)


def _long(put: Put, number: int) -> None:
    if type(number) is not int or not -(1 << 63) <= number < 1 << 63:
        raise TypeError("not a whole number of 64 bits")
    put(_varint(number))


def _maybe_long(put: Put, number: int | None) -> None:
    if number is None:
        put(_NULL)
    else:
        put(_SECOND)
        _long(put, number)


def _flag(value: bool) -> bytes:
    if type(value) is not bool:
        raise TypeError("not a truth value")
    return _TRUE if value else _FALSE


def _name(name: str) -> bytes:
    """A name with its length."""
    known = _names.get(name)
    if known is None:
        if len(_names) >= MOST_NAMES:
            _names.clear()
        raw = name.encode()
        known = _names[name] = _varint(len(raw)) + raw
    return known


def _properties(put: Put, values: dict[str, str | float]) -> None:
    if values:
        put(_varint(len(values)))
        for name, value in values.items():
            put(_name(name))
            if type(value) is str:
                put(_NULL)  # the first of the union
                _text(put, value)
            elif type(value) is float:
                put(_SECOND)
                put(_DOUBLE(value))
            else:
                raise TypeError("a property is neither text nor float")
    put(_NULL)


def _texts(put: Put, values: dict[str, str]) -> None:
    if values:
        put(_varint(len(values)))
        for name, value in values.items():
            put(_name(name))
            _text(put, value)
    put(_NULL)


def _consent(put: Put, values: dict[str, bool]) -> None:
    if values:
        put(_varint(len(values)))
        for name, value in values.items():
            put(_name(name))
            put(_flag(value))
    put(_NULL)


def _person(put: Put, person: Person | None) -> None:
    if person is None:
        put(_NULL)
        return
    put(_SECOND)
    for text in person:
        _maybe_text(put, text)
