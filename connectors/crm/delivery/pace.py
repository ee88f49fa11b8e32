"""How many requests at once, how close upon each other, and when none: increase and decrease, spacing, and a circuit breaker."""

from math import ceil, inf
from zlib import crc32

BACKOFF_MS = 1_000
LONGEST_BACKOFF_MS = 300_000
"""Five minutes: after a day of outage the first push is at most that late."""


def backoff_ms(attempt: int, seed: str, *, first_ms: int = BACKOFF_MS, longest_ms: int = LONGEST_BACKOFF_MS) -> int:
    """Milliseconds to wait after the failed attempt `attempt` (1, 2, …): doubling, capped, between half of it and the whole.

    The jitter follows from `seed` and attempt, so that a replay waits as long, and two leads do not come back together.
    """
    whole = min(longest_ms, first_ms << min(attempt - 1, 30))
    jitter = crc32(f"{seed}#{attempt}".encode()) % 1_000 / 1_000
    return round(whole * (0.5 + 0.5 * jitter))


class Spacing:
    """Spreads requests over a quota's interval, so that one is free soon for whatever is urgent, and none waits for another's answer.

    A few begin at once; then they follow each other at somewhat more than the quota's own pace, to make up for what a pause has left out.

    Parameters
    ----------
    limit
        Requests in an interval.
    interval_ms
        Milliseconds.
    """

    HASTE = 1.25
    AT_ONCE_RATIO = 0.05

    def __init__(self, limit: int, interval_ms: int) -> None:
        self._most = max(4.0, limit * self.AT_ONCE_RATIO)
        self._per_ms = limit * self.HASTE / interval_ms
        self._saved = self._most
        self._saved_at = -inf

    def free(self, now: int) -> int:
        """Requests that may begin now."""
        if now > self._saved_at:
            self._saved = min(self._most, self._saved + (now - self._saved_at) * self._per_ms)
            self._saved_at = now
        return int(self._saved)

    def take(self) -> None:
        """A request begins. Only while `free` says so."""
        self._saved -= 1.0

    def next_at(self, now: int) -> int:
        """When a request may begin; `now`, if one may."""
        return now if self.free(now) > 0 else now + ceil((1.0 - self._saved) / self._per_ms)


class Concurrency:
    """Requests under way at once: one more for each round of successes, half after trouble.

    Parameters
    ----------
    most
        Never more than that.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = min(4.0, most)
        self._shrunk_at = -inf

    @property
    def limit(self) -> int:
        """Requests that may be under way; at least 1."""
        return int(self._limit)

    def succeeded(self) -> None:
        """A request was answered as it should be."""
        self._limit = min(self._most, self._limit + 1 / self._limit)

    def failed(self, began_at: int, now: int) -> None:
        """A request was throttled or failed; requests that began before the last decrease tell the same news again."""
        if began_at >= self._shrunk_at:
            self._limit = max(1.0, self._limit / 2)
            self._shrunk_at = now


class Breaker:
    """Keeps requests back while the other side is away: after some failures in a row it opens, then lets one through to see."""

    FAILURES = 5

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._failures = 0
        self._opened = 0
        self.open_until = 0
        """Milliseconds; in the past when closed."""

    @property
    def is_probing(self) -> bool:
        """Whether it was open and nothing has succeeded since: then only one request may be under way."""
        return self._opened > 0

    def succeeded(self) -> None:
        """The other side answers."""
        self._failures = self._opened = 0

    def failed(self, now: int) -> None:
        """The other side did not answer, or said that it cannot."""
        self._failures += 1
        if self._failures >= self.FAILURES or self._opened:
            self._opened += 1
            self.open_until = now + backoff_ms(self._opened, self._seed, longest_ms=60_000)
