"""Avro's simple types, for the records that are written by hand because so many of them are. A wrong type is a TypeError or AttributeError."""

from collections.abc import Callable

NULL, SECOND, FALSE, TRUE = b"\x00", b"\x02", b"\x00", b"\x01"
"""The branches of a union of null and something; truth values."""

Put = Callable[[bytes], None]


def varint(number: int) -> bytes:
    """A whole number as Avro has it: zigzag, seven bits a byte."""
    left = (number << 1) ^ (number >> 63)
    out = bytearray()
    while left & ~0x7F:
        out.append((left & 0x7F) | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


LENGTHS = [varint(number) for number in range(4_096)]


def put_text(put: Put, text: str) -> None:
    """A text, its length before it."""
    raw = text.encode()
    size = len(raw)
    put(LENGTHS[size] if size < len(LENGTHS) else varint(size))
    put(raw)


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
    put(varint(number))


def put_maybe_long(put: Put, number: int | None) -> None:
    """A union of null and a whole number."""
    if number is None:
        put(NULL)
    else:
        put(SECOND)
        put_long(put, number)


def flag(value: bool) -> bytes:
    """A truth value."""
    if type(value) is not bool:
        raise TypeError("not a truth value")
    return TRUE if value else FALSE
