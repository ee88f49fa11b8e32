"""A follower's share of an account's quota."""

import asyncio

from connectors.crm.allowance import Allowance
from connectors.crm.contract import Limits


class Clock:
    """Turned by who waits."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        self.now += 20  # asking takes time, or nobody would ever get on
        return self.now


def passed(allowance: Allowance, requests: int) -> None:
    async def go() -> None:
        for _ in range(requests):
            await allowance()

    asyncio.run(go())


def test_requests_pass_within_the_share():
    """Of the short quota: so many at once, and the next when the interval is over."""
    clock = Clock()
    allowance = Allowance(Limits(batch=1, burst=40, burst_ms=200), 0.1, clock)
    began = clock.now
    passed(allowance, 4)
    at_once = clock.now - began
    passed(allowance, 1)

    assert (True, True, 5) == (at_once < 100, clock.now - began >= 200, allowance.requests)


def test_a_days_share_lasts_the_day():
    """A walk of ten calls may be made every quarter of an hour with a thousand a day; at any time without a limit of the day."""
    assert 864_000 == Allowance(Limits(batch=1, daily=10_000), 0.1, Clock()).spread_ms(10)
    assert 0 == Allowance(Limits(batch=1), 0.1, Clock()).spread_ms(10)
