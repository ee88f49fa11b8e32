"""The wall clock, for latencies and for refusing absurd times; nothing that is scored or learned depends on it."""

import time

from schemas.ids import Millis


def now_ms() -> Millis:
    """Milliseconds since 1970."""
    return Millis(time.time_ns() // 1_000_000)
