"""A write key at work: what it may still send, and its counters, looked up once."""

import time

from prometheus_client import Counter

from api.collector.keys import WriteKey
from api.collector.metrics import Counts
from api.collector.quota import Quota
from schemas.errors import RateLimitedError


class Sender:
    """Whoever sends with a key.

    Parameters
    ----------
    key
        As the file of keys has it now.
    counts
        Of the collector.
    """

    def __init__(self, key: WriteKey, counts: Counts) -> None:
        self.key = key
        self._counts = counts
        self._quota = Quota(key.events_per_s, key.burst, time.monotonic())
        # finding a counter by its tags costs as much as parsing a small event
        self._received: dict[str, Counter] = {}

    def check(self) -> None:
        """Refuse a sender whose rate is spent.

        Raises
        ------
        RateLimitedError
            With the seconds to wait.
        """
        wait_s = self._quota.wait_s(time.monotonic())
        if wait_s:
            raise RateLimitedError(f"the key of {self.key.source} may send {self.key.events_per_s:g} events/s: wait {wait_s} s", retry_after_s=wait_s)

    def spend(self, events: int) -> None:
        """So many events were sent."""
        self._quota.spend(events)

    def count(self, protocol: str, events: int) -> None:
        """Kafka has acknowledged so many."""
        counter = self._received.get(protocol)
        if counter is None:
            counter = self._received[protocol] = self._counts.received.labels(self.key.tenant, self.key.source, protocol)
        counter.inc(events)
