"""How fast records are fed: as fast as can be, so many a second, or so many times faster than they happened."""

import time
from collections.abc import Callable
from typing import NamedTuple

from schemas.errors import ConfigError
from schemas.ids import Millis

Clock = Callable[[], float]
Sleep = Callable[[float], None]


class Pace(NamedTuple):
    """At most one of the two is given; neither is as fast as can be.

    Parameters
    ----------
    speed
        Event time by wall time: 1000 feeds a day in 86 s.
    per_second
        Records a second.
    """

    speed: float | None = None
    per_second: float | None = None


def parse_speed(text: str) -> float | None:
    """`1000x` is 1000.0, `max` is None.

    Raises
    ------
    ConfigError
        Anything else.
    """
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise ConfigError(f"--speed {text!r}: give a factor as in 1000x, or max")
    return speed


class Pacer:
    """Waits until a record is due.

    Parameters
    ----------
    pace
        How fast.
    clock
        Seconds, from any origin.
    sleep
        Waits so many seconds.
    """

    def __init__(self, pace: Pace, *, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self._pace, self._clock, self._sleep = pace, clock, sleep
        self._began: float | None = None
        self._first: Millis | None = None

    def delay_s(self, index: int, at: Millis) -> float:
        """Seconds until the record with this index (from 0) and event time is due; not above 0 when it is."""
        if self._began is None or self._first is None:
            self._began, self._first = self._clock(), at
        if self._pace.speed is not None:
            due = (at - self._first) / 1000 / self._pace.speed
        elif self._pace.per_second is not None:
            due = index / self._pace.per_second
        else:
            return 0.0
        return self._began + due - self._clock()

    def wait(self, seconds: float) -> None:
        """Wait."""
        self._sleep(seconds)
