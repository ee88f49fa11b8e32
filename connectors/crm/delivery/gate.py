"""Whether an account may be sent a request now: quotas, spacing, concurrency, breaker, and what the vendor or a person said."""

from enum import StrEnum

import msgpack

from connectors.crm.contract import Limits
from connectors.crm.delivery.pace import Breaker, Concurrency, Spacing, backoff_ms
from connectors.crm.delivery.quota import RollingQuota
from schemas.errors import AuthError, FatalError, ProxError, QuotaSpentError, RateLimitedError, RetriableError, TenantBlockedError
from schemas.policy import DAY_MS

VERSION = 1
QUOTA_SPENT_MS = 900_000
"""A day's quota that is spent without a word on when it is back is looked at every quarter of an hour."""
BLOCKED_MS = 900_000
"""So is an account whose credentials were refused, unless they change before."""
REFUSED_MS = 60_000
"""But sooner at first, doubling: where several requests renew a token at once, one that is new may be revoked before it is used."""


class State(StrEnum):
    """What an account is doing, for people."""

    OPEN = "open"
    WAITING = "waiting"
    THROTTLED = "throttled"
    AWAY = "away"
    QUOTA_SPENT = "quota_spent"
    UNAUTHORIZED = "unauthorized"
    BLOCKED = "blocked"


class Gate:
    """One account's pace.

    Parameters
    ----------
    limits
        What the vendor allows; reserves are taken off.
    seed
        For jitter.
    kept
        What `to_bytes` gave to a predecessor; None at the very first start.
    now
        Milliseconds.
    """

    def __init__(self, limits: Limits, *, seed: str, kept: bytes | None, now: int) -> None:
        self._limits = limits
        self._seed = seed
        burst = max(1, int(limits.burst * (1 - limits.burst_reserve)))
        self._burst = RollingQuota(burst, limits.burst_ms)
        self._spacing = Spacing(burst, limits.burst_ms)
        self._daily = None if limits.daily is None else RollingQuota(max(1, int(limits.daily * (1 - limits.daily_reserve))), DAY_MS)
        self._concurrency = Concurrency(limits.concurrency)
        self._breaker = Breaker(seed)
        self._under_way = 0
        self._throttles = 0
        self._refusals = 0
        self._closed_until = 0
        self._state = State.OPEN
        self.reason = ""
        self.daily_left: int | None = limits.daily
        if kept is not None:
            self._restore(kept, now)

    def room(self, now: int) -> int:
        """Requests that may begin now."""
        if now < self._closed_until or now < self._breaker.open_until:
            return 0
        most = 1 if self._breaker.is_probing or self._state in (State.UNAUTHORIZED, State.BLOCKED, State.QUOTA_SPENT) else self._concurrency.limit
        free = min(most - self._under_way, self._burst.free(now), self._spacing.free(now))
        return max(0, free if self._daily is None else min(free, self._daily.free(now)))

    def opens_at(self, now: int) -> int | None:
        """When `room` may next be positive; None: when a request ends."""
        at = max(now, self._closed_until, self._breaker.open_until)
        if self._under_way and (self._breaker.is_probing or self._under_way >= self._concurrency.limit):
            return None
        at = max(at, self._burst.next_at(now), self._spacing.next_at(now))
        return at if self._daily is None else max(at, self._daily.next_at(now))

    def begin(self) -> None:
        """A request begins."""
        self._under_way += 1
        self._burst.take()
        self._spacing.take()
        if self._daily is not None:
            self._daily.take()

    def succeeded(self, now: int, daily_left: int | None) -> None:
        """A request was answered, whatever was said of its items."""
        self._end(now)
        self._breaker.succeeded()
        self._concurrency.succeeded()
        self._throttles = self._refusals = 0
        self._state, self.reason = State.OPEN, ""
        if daily_left is not None:
            self._observe(daily_left, now)

    def failed(self, error: ProxError, began_at: int, now: int) -> None:
        """A request was refused as a whole, or not answered."""
        self._end(now)
        wait_s = error.retry_after_s if isinstance(error, RetriableError) else None
        told_ms = None if wait_s is None else round(wait_s * 1_000)
        match error:
            case QuotaSpentError():
                self._close(State.QUOTA_SPENT, str(error), now + (told_ms or QUOTA_SPENT_MS))
            case RateLimitedError():
                self._throttles += 1
                self._concurrency.failed(began_at, now)
                waits = backoff_ms(self._throttles, self._seed) if told_ms is None else told_ms
                self._close(State.THROTTLED, str(error), now + waits)
            case AuthError():
                self._refusals += 1
                waits = backoff_ms(self._refusals, self._seed, first_ms=REFUSED_MS, longest_ms=BLOCKED_MS)
                self._close(State.UNAUTHORIZED, str(error), now + waits)
            case TenantBlockedError():
                self._close(State.BLOCKED, str(error), now + BLOCKED_MS)
            case RetriableError():
                self._concurrency.failed(began_at, now)
                self._breaker.failed(now)
                if told_ms:
                    self._close(State.AWAY, str(error), now + told_ms)
                self._state, self.reason = State.AWAY, str(error)
            case _:  # the request itself was wrong: the account answers
                self._breaker.succeeded()

    def reopen(self) -> None:
        """The account's credentials have changed."""
        self._closed_until = 0
        self._state, self.reason = State.OPEN, ""

    def state(self, now: int) -> State:
        """What to tell people."""
        if self._state is State.OPEN and (now < self._closed_until or self._burst.free(now) == 0):
            return State.WAITING
        return self._state

    @property
    def under_way(self) -> int:
        """Requests that were begun and have not ended."""
        return self._under_way

    def to_bytes(self) -> bytes:
        """The quotas' counts: a version byte, then msgpack."""
        daily = b"" if self._daily is None else self._daily.to_bytes()
        return bytes((VERSION,)) + bytes(msgpack.packb([self._burst.to_bytes(), daily]))

    def _restore(self, kept: bytes, now: int) -> None:
        if kept[0] != VERSION:
            raise FatalError(f"push account of version {kept[0]}, this release reads {VERSION}")
        burst, daily = msgpack.unpackb(kept[1:])
        self._burst.restore(burst, now)
        if self._daily is not None and daily:
            self._daily.restore(daily, now)
        # what a predecessor sent after its last checkpoint is in nobody's count, and may still be under way
        self._closed_until = now + max(self._limits.timeout_ms, self._limits.burst_ms)

    def _end(self, now: int) -> None:
        self._under_way -= 1
        self._burst.give_back(now)
        if self._daily is not None:
            self._daily.give_back(now)

    def _observe(self, left: int, now: int) -> None:
        self.daily_left = left
        reserve = 0 if self._limits.daily is None else round(self._limits.daily * self._limits.daily_reserve)
        if left <= reserve:
            self._close(State.QUOTA_SPENT, f"{left} calls left today, {reserve} are kept for others", now + QUOTA_SPENT_MS)

    def _close(self, state: State, reason: str, until: int) -> None:
        self._state, self.reason = state, reason
        self._closed_until = max(self._closed_until, until)
