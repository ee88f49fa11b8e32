"""How much a key may send: a bucket of events that fills again."""

import math


class Quota:
    """A token bucket that may go into debt: a batch is judged before it is read, when nobody knows how many events it holds.

    Parameters
    ----------
    per_s
        Events a second that it fills by.
    burst
        What it holds.
    now_s
        On a clock that only grows.
    """

    __slots__ = ("_at_s", "_burst", "_left", "_per_s")

    def __init__(self, per_s: float, burst: int, now_s: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = float(burst)
        self._at_s = now_s

    def wait_s(self, now_s: float) -> int:
        """Whole seconds until something may be sent; 0: now.

        Examples
        --------
        >>> quota = Quota(10.0, 5, now_s=0.0)
        >>> quota.spend(20)
        >>> quota.wait_s(0.0), quota.wait_s(1.6)
        (2, 0)
        """
        self._left = min(self._burst, self._left + max(0.0, now_s - self._at_s) * self._per_s)
        self._at_s = max(now_s, self._at_s)
        return 0 if self._left > 0 else max(1, math.ceil(-self._left / self._per_s))

    def spend(self, events: int) -> None:
        """So many were sent."""
        self._left -= events
