"""How many requests a vendor still takes: exact for any latency, in a hundred numbers."""

from collections import deque
from dataclasses import dataclass
from math import ceil

import msgpack

SLOTS = 100
"""An interval is counted in hundredths: what ended in one of them is forgotten together, an interval after the last of it."""
CLOCKS_APART_RATIO = 0.0005
"""A vendor's interval may be longer than ours by so much: no faster is a clock put right while it runs. It is 5 ms of ten seconds."""


@dataclass(slots=True)
class _Slot:
    """Requests that ended in one hundredth of an interval, and when the last of them did, in ms."""

    number: int
    requests: int
    ended_at: int


class RollingQuota:
    """At most `limit` requests in any `interval_ms`, by the vendor's count.

    A request counts from its grant until an interval after its *end*: the vendor met it somewhere in between, so whenever it did,
    no interval of the vendor's holds more than the limit.

    Parameters
    ----------
    limit
        Requests. Positive.
    interval_ms
        Milliseconds; 10,000 for a ten-second quota, 86,400,000 for a daily one.
    """

    def __init__(self, limit: int, interval_ms: int) -> None:
        self._limit = limit
        self._slot_ms = max(1, interval_ms // SLOTS)
        # a read instant is up to a millisecond old
        self._counts_ms = interval_ms + ceil(interval_ms * CLOCKS_APART_RATIO) + 1
        self._ended: deque[_Slot] = deque()
        self._count = 0
        self._under_way = 0

    def free(self, now: int) -> int:
        """Requests that may begin now; never negative."""
        self._forget(now)
        return max(0, self._limit - self._count - self._under_way)

    def take(self) -> None:
        """A request begins. Only while `free` says so."""
        self._under_way += 1

    def give_back(self, now: int) -> None:
        """A request ended, however it ended."""
        self._under_way -= 1
        self.spend(1, now)

    def spend(self, requests: int, now: int) -> None:
        """Count requests that ended now: also those of a predecessor that nobody counted."""
        slot = now // self._slot_ms
        if self._ended and self._ended[-1].number >= slot:
            last = self._ended[-1]
            last.requests += requests
            last.ended_at = max(last.ended_at, now)
        else:
            self._ended.append(_Slot(slot, requests, now))
        self._count += requests

    def next_at(self, now: int) -> int:
        """When a request may begin; `now`, if one may. While only requests under way are in the way: a slot from now."""
        if self.free(now) > 0:
            return now
        return self._ended[0].ended_at + self._counts_ms if self._ended else now + self._slot_ms

    def to_bytes(self) -> bytes:
        """What has ended; what is under way counts as ended by whoever reads this."""
        return bytes(msgpack.packb([self._under_way, [(slot.number, slot.requests) for slot in self._ended]]))

    def restore(self, data: bytes, now: int) -> None:
        """Count what `to_bytes` says."""
        under_way, ended = msgpack.unpackb(data)
        # when in its slot a request ended is not kept: at its end, at the latest
        self._ended = deque(_Slot(number, requests, (number + 1) * self._slot_ms - 1) for number, requests in ended)
        self._count = sum(requests for _, requests in ended)
        if under_way:
            self.spend(under_way, now)

    def _forget(self, now: int) -> None:
        while self._ended and self._ended[0].ended_at + self._counts_ms <= now:
            self._count -= self._ended.popleft().requests
