"""How many requests a vendor still takes: exact for any latency, in a hundred numbers."""

from collections import deque

import msgpack

SLOTS = 100
"""An interval is counted in hundredths: a request is remembered up to one of them longer than it must be."""


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
        self._interval_ms = interval_ms
        self._slot_ms = max(1, interval_ms // SLOTS)
        self._ended: deque[list[int]] = deque()
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
        if self._ended and self._ended[-1][0] >= slot:
            self._ended[-1][1] += requests
        else:
            self._ended.append([slot, requests])
        self._count += requests

    def next_at(self, now: int) -> int:
        """When a request may begin; `now`, if one may. While only requests under way are in the way: a slot from now."""
        if self.free(now) > 0:
            return now
        return self._expiry(self._ended[0][0]) if self._ended else now + self._slot_ms

    def to_bytes(self) -> bytes:
        """What has ended; what is under way counts as ended by whoever reads this."""
        return bytes(msgpack.packb([self._under_way, list(self._ended)]))

    def restore(self, data: bytes, now: int) -> None:
        """Count what `to_bytes` says."""
        under_way, ended = msgpack.unpackb(data)
        self._ended = deque(ended)
        self._count = sum(count for _, count in ended)
        if under_way:
            self.spend(under_way, now)

    def _expiry(self, slot: int) -> int:
        return (slot + 1) * self._slot_ms + self._interval_ms

    def _forget(self, now: int) -> None:
        while self._ended and self._expiry(self._ended[0][0]) <= now:
            self._count -= self._ended.popleft()[1]
