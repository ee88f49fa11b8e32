"""What is remembered of one identifier."""

from typing import NamedTuple

import msgpack

from schemas.errors import FatalError

VERSION = 1
ONCE = 0
"""Stands for the second instant of a pair that was seen at one only."""


class Parting(NamedTuple):
    """An operator's word on two identifiers, the latest one: they are not of one person, or may be again."""

    at: int
    command_id: str
    is_apart: bool


class Known:
    """An identifier: whom it was seen with, its aliases, and the strongest identifier of its person.

    `seen_with` holds the two earliest instants (ms) of each; the second is ONCE until there is one.

    Size: an identifier that was seen with more than `kinds.limit` others of a kind is shared and keeps none: some 20 kB at most, 200 bytes
    as a rule. `partings` are as many as operators made.
    """

    __slots__ = ("aliases", "is_shared", "lead", "partings", "seen_with")

    def __init__(self, lead: str) -> None:
        self.lead = lead
        self.seen_with: dict[str, tuple[int, int]] = {}
        self.aliases: set[str] = set()
        self.is_shared = False
        self.partings: dict[str, Parting] = {}

    def is_news(self, other: str, at: int) -> bool:
        """Whether this instant is one of the two earliest at which they were seen together. A shared identifier remembers nobody."""
        if self.is_shared:
            return False
        known = self.seen_with.get(other)
        return known is None or (at not in known and (known[1] == ONCE or at < known[1]))

    def note(self, other: str, at: int) -> None:
        """Remember an instant that is news."""
        known = self.seen_with.get(other)
        earliest = [at] if known is None else sorted({at, *known} - {ONCE})
        self.seen_with[other] = (earliest[0], earliest[1] if len(earliest) > 1 else ONCE)

    def is_confirmed(self, other: str) -> bool:
        """Whether they were seen together at two instants: a typing error rarely comes twice."""
        return self.seen_with[other][1] != ONCE

    def is_apart_from(self, other: str) -> bool:
        """Whether an operator said that the other is of somebody else."""
        parting = self.partings.get(other)
        return parting is not None and parting.is_apart

    def to_bytes(self) -> bytes:
        """A version, then msgpack; the same for the same knowledge, whatever order it came in."""
        seen_with, partings = dict(sorted(self.seen_with.items())), dict(sorted(self.partings.items()))
        return bytes(msgpack.packb([VERSION, self.lead, seen_with, sorted(self.aliases), self.is_shared, partings]))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Known":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, *fields = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"identifier of version {version}, this release reads {VERSION}")
        known = cls(fields[0])
        _, seen_with, aliases, known.is_shared, partings = fields
        known.seen_with = {other: (first, second) for other, (first, second) in seen_with.items()}
        known.aliases = set(aliases)
        known.partings = {other: Parting(*parting) for other, parting in partings.items()}
        return known
