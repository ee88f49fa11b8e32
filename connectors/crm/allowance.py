"""A share of an account's quota for whoever reads it, beside the pushes."""

import asyncio
from collections.abc import Callable

from connectors.crm.contract import Limits
from connectors.crm.delivery.quota import RollingQuota
from schemas.policy import DAY_MS


class Allowance:
    """Lets requests pass one by one. For one event loop.

    Parameters
    ----------
    limits
        The vendor's.
    share
        Of them, in (0, 1]. Pushes leave `burst_reserve` and `daily_reserve` to others, and this is one of those.
    clock
        Milliseconds.
    """

    def __init__(self, limits: Limits, share: float, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._quotas = [RollingQuota(max(1, int(limits.burst * share)), limits.burst_ms)]
        self._daily = None if limits.daily is None else max(1, int(limits.daily * share))
        if self._daily is not None:
            self._quotas.append(RollingQuota(self._daily, DAY_MS))
        self.requests = 0

    async def __call__(self) -> None:
        """Return when there is room for a request, which counts from now."""
        while True:
            now = self._clock()
            opens_at = max(quota.next_at(now) for quota in self._quotas)
            if opens_at <= now:
                break
            await asyncio.sleep((opens_at - now) / 1_000)
        for quota in self._quotas:
            quota.spend(1, now)
        self.requests += 1

    def spread_ms(self, requests: int) -> int:
        """How long so many requests should last, so that the day's share is not gone by noon; 0 where the vendor has no daily limit."""
        return 0 if self._daily is None else round(requests * DAY_MS / self._daily)
