"""One value for each lead: what its points say together, so that a talkative lead speaks once."""

from typing import NamedTuple
from zlib import crc32

import msgpack

from schemas.errors import FatalError
from schemas.policy import DAY_MS

VERSION = 1
REMEMBERED = 20_000
"""Leads that are known to have spoken; beyond it the oldest may speak again."""

Sums = tuple[float, int, bool]


class LeadValue(NamedTuple):
    """The mean of a lead's values of the first day on which it has any; `at` is the end of that day, event time in ms."""

    at: int
    value: float
    is_converted: bool


class LeadValues:
    """Gathers values by lead and day, and gives each lead's mean when its first day is over.

    Points of one lead are learned together and err together: to a test that takes them for independent, a hundred points of one lead are a
    hundred witnesses. A value counts on the day on which its window ends, whenever it is known: conversions are known sooner than silence,
    and counted as they come they would be all there is of the newest leads. Waiting are at most the leads of one window.
    """

    def __init__(self) -> None:
        self._over = 0
        self._days: dict[int, dict[str, Sums]] = {}
        self._spoken: dict[int, None] = {}

    def add(self, lead: str, value: float, *, is_converted: bool, at: int) -> None:
        """Take a value of a point whose window ends at this instant, in ms; of a day that is over already, it counts on the next."""
        day = self._days.setdefault(max(at // DAY_MS, self._over), {})
        total, count, was_converted = day.get(lead, (0.0, 0, False))
        day[lead] = (total + value, count + 1, was_converted or is_converted)

    def close(self, now: int) -> list[LeadValue]:
        """The leads whose first day is over by this instant, in order of day and lead."""
        self._over = max(self._over, now // DAY_MS)
        told = []
        for day in sorted(day for day in self._days if day < self._over):
            for lead, (total, count, is_converted) in sorted(self._days.pop(day).items()):
                mark = crc32(lead.encode())
                if mark not in self._spoken:
                    self._spoken[mark] = None
                    told.append(LeadValue((day + 1) * DAY_MS, total / count, is_converted))
        for mark in list(self._spoken)[: max(len(self._spoken) - REMEMBERED, 0)]:
            del self._spoken[mark]
        return told

    def to_bytes(self) -> bytes:
        """A version, then msgpack: leads that wait, and 4 bytes for each that has spoken."""
        waiting = [[day, [[lead, *sums] for lead, sums in leads.items()]] for day, leads in self._days.items()]
        return bytes(msgpack.packb([VERSION, self._over, waiting, b"".join(mark.to_bytes(4, "little") for mark in self._spoken)]))

    @classmethod
    def from_bytes(cls, data: bytes) -> "LeadValues":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, over, waiting, spoken = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"values of leads of version {version}, this release reads {VERSION}")
        values = cls()
        values._over = over
        values._days = {day: {lead: (total, count, converted) for lead, total, count, converted in leads} for day, leads in waiting}
        values._spoken = {int.from_bytes(spoken[i : i + 4], "little"): None for i in range(0, len(spoken), 4)}
        return values
