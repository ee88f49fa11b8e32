"""Waits for what is to come true."""

import time
from collections.abc import Callable

POLL_S = 0.5
WITHIN_S = 300.0
"""Two slow cores, busy with six servers: long enough that only what never comes is missed."""


def until(is_so: Callable[[], bool], what: str, *, within_s: float = WITHIN_S) -> None:
    """Return once it is so; fail, saying what did not come, when it takes too long."""
    due = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < due, f"{what}: not after {within_s:.0f} s"
        time.sleep(POLL_S)
