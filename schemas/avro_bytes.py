"""Avro's simple types, for the records that are written by hand because so many of them are. A wrong type is a TypeError or AttributeError."""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

NULL, SECOND, FALSE, TRUE = b"\x00", b"\x02", b"\x00", b"\x01"
"""The branches of a union of null and something; truth values."""
MOST_NAMES = 16_384
"""Texts that come again and again which are kept encoded; then they are forgotten together."""

T = TypeVar("T")
Put = Callable[[bytes], None]
_DOUBLE = struct.Struct("<d").pack
_DOUBLES = [struct.Struct(f"<{count}d") for count in range(64)]
_names: dict[str, bytes] = {}


def varint(number: int) -> bytes:
    """A whole number as Avro has it: zigzag, seven bits a byte."""
    left = (number << 1) ^ (number >> 63)
    out = bytearray()
    while left & ~0x7F:
        out.append((left & 0x7F) | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


SHORT = 4_096
LENGTHS = [varint(number) for number in range(SHORT)]
_PAIRS = [bytes((number & 0x7F | 0x80, number >> 7 | 0x80)) for number in range(1 << 14)]
_LAST = [bytes((number & 0x7F | 0x80, number >> 7)) for number in range(1 << 14)]
_ONES = [bytes((number,)) for number in range(1 << 7)]
"""Fourteen bits as the two bytes of a longer number that they are; and as its last two. Seven as its last."""


def put_text(put: Put, text: str) -> None:
    """A text, its length before it."""
    raw = text.encode()
    size = len(raw)
    put(LENGTHS[size] if size < SHORT else varint(size))
    put(raw)


def name(text: str) -> bytes:
    """A text that comes again and again, as the name of a property does, its length before it."""
    known = _names.get(text)
    if known is None:
        if len(_names) >= MOST_NAMES:
            _names.clear()
        raw = text.encode()
        known = _names[text] = varint(len(raw)) + raw
    return known


def put_maybe_text(put: Put, text: str | None) -> None:
    """A union of null and text."""
    if text is None:
        put(NULL)
    else:
        put(SECOND)
        put_text(put, text)


def put_long(put: Put, number: int) -> None:
    """A whole number of 64 bits."""
    if type(number) is not int or not -(1 << 63) <= number < 1 << 63:
        raise TypeError("not a whole number of 64 bits")
    if 1 << 27 <= number < 1 << 41:  # five bytes: nearly every digest of 32 bits; or six: every instant of our days in ms
        left = number << 1
        put(_PAIRS[left & 0x3FFF])
        put(_PAIRS[left >> 14 & 0x3FFF])
        put(_LAST[left >> 28] if number >= 1 << 34 else _ONES[left >> 28])
    else:
        put(LENGTHS[number] if 0 <= number < SHORT else varint(number))


def put_maybe_long(put: Put, number: int | None) -> None:
    """A union of null and a whole number."""
    if number is None:
        put(NULL)
    else:
        put(SECOND)
        put_long(put, number)


def doubles(numbers: Sequence[float]) -> bytes:
    """Numbers one after the other, without their count. What is no number is a `struct.error`."""
    count = len(numbers)
    return (_DOUBLES[count] if count < len(_DOUBLES) else struct.Struct(f"<{count}d")).pack(*numbers)


def put_doubles(put: Put, numbers: Sequence[float]) -> None:
    """An array of numbers."""
    if numbers:
        put_long(put, len(numbers))
        put(doubles(numbers))
    put(NULL)


def put_names(put: Put, texts: Sequence[str]) -> None:
    """An array of texts that come again and again."""
    if texts:
        put_long(put, len(texts))
        put(b"".join([name(text) for text in texts]))
    put(NULL)


def put_map(put: Put, values: Mapping[str, T], put_value: Callable[[Put, T], None]) -> None:
    """A map; `put_value` puts one of its values."""
    if values:
        put_long(put, len(values))
        for key, value in values.items():
            put(name(key))
            put_value(put, value)
    put(NULL)


def put_double(put: Put, number: float) -> None:
    """A number."""
    put(_DOUBLE(number))


def put_flag(put: Put, value: bool) -> None:
    """A truth value."""
    put(flag(value))


def flag(value: bool) -> bytes:
    """A truth value."""
    if type(value) is not bool:
        raise TypeError("not a truth value")
    return TRUE if value else FALSE
