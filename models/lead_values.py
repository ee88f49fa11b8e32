"""One value for each lead: what its points say together, so that a talkative lead speaks once."""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

import msgpack

from schemas.errors import FatalError
from schemas.policy import DAY_MS

VERSION = 1
REMEMBERED = 20_000
"""Leads that are known to have spoken; beyond it the oldest may speak again."""


class LeadValue(NamedTuple):
    """The mean of a lead's values of the day on which it had the first; `at` is the end of that day, event time in ms."""

    at: int
    value: float
    is_converted: bool


class LeadValues:
    """Gathers values by lead and gives each lead's mean at the end of its first day.

    Points of one lead are learned together and err together: to a test that takes them for independent, a hundred points of one lead are a
    hundred witnesses. The labels of most leads come within a day; what comes later is left out.
    """

    def __init__(self) -> None:
        self._day = 0
        self._today: dict[str, tuple[float, int, bool]] = {}
        self._spoken: dict[int, None] = {}

    def add(self, lead: str, value: float, *, is_converted: bool, at: int) -> list[LeadValue]:
        """Take a value of a point whose label became known at this instant, in ms; gives the values of the days that are over by then."""
        over = self.close(at)
        mark = crc32(lead.encode())
        if mark not in self._spoken:
            total, count, was_converted = self._today.get(lead, (0.0, 0, False))
            self._today[lead] = (total + value, count + 1, was_converted or is_converted)
        return over

    def close(self, at: int) -> list[LeadValue]:
        """The values of the days that are over by this instant, in order of lead."""
        day = at // DAY_MS
        if day <= self._day:
            return []
        end = (self._day + 1) * DAY_MS
        over = [LeadValue(end, total / count, is_converted) for _, (total, count, is_converted) in sorted(self._today.items())]
        self._remember(crc32(lead.encode()) for lead in sorted(self._today))
        self._day, self._today = day, {}
        return over

    def _remember(self, marks: Iterable[int]) -> None:
        self._spoken.update(dict.fromkeys(marks))
        for mark in list(self._spoken)[: max(len(self._spoken) - REMEMBERED, 0)]:
            del self._spoken[mark]

    def to_bytes(self) -> bytes:
        """A version, then msgpack: today's leads, and 4 bytes for each that has spoken."""
        today = [[lead, *sums] for lead, sums in self._today.items()]
        return bytes(msgpack.packb([VERSION, self._day, today, b"".join(mark.to_bytes(4, "little") for mark in self._spoken)]))

    @classmethod
    def from_bytes(cls, data: bytes) -> "LeadValues":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, day, today, spoken = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"values of leads of version {version}, this release reads {VERSION}")
        values = cls()
        values._day = day
        values._today = {lead: (total, count, is_converted) for lead, total, count, is_converted in today}
        values._spoken = {int.from_bytes(spoken[i : i + 4], "little"): None for i in range(0, len(spoken), 4)}
        return values
