"""A person's decision on a lead, as bytes of our own, for Flink's state."""

from typing import NamedTuple

import msgpack

from schemas.errors import FatalError
from schemas.override import Override

VERSION = 1


class Decided(NamedTuple):
    """A person's decision on a lead, and when its effective score is to be looked at next, in ms."""

    override: Override | None
    due_at: int


def decided_to_bytes(decided: Decided) -> bytes:
    """A version byte, then msgpack."""
    override = None if decided.override is None else tuple(decided.override)
    return bytes((VERSION,)) + bytes(msgpack.packb((override, decided.due_at)))


def decided_from_bytes(data: bytes) -> Decided:
    """What `decided_to_bytes` wrote.

    Raises
    ------
    FatalError
        Written by another version of the encoding.
    """
    if data[0] != VERSION:
        raise FatalError(f"decisions of version {data[0]}, this release reads {VERSION}")
    override, due_at = msgpack.unpackb(data[1:])
    return Decided(None if override is None else Override(*override), due_at)
