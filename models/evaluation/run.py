"""What one model said of every scoring point, and what that cost."""

from collections.abc import Callable
from typing import NamedTuple

from models.evaluation.measures import Doubles

Clock = Callable[[], int]
"""CPU time of this process in nanoseconds."""
Progress = Callable[[str, int, int], None]
"""Is told what runs, how much of it is done, and of how much."""


class Run(NamedTuple):
    """A model's propensities, (n,), one for each scoring point, as they were when it came.

    `us_score`: CPU µs for one propensity of a feature vector. `us_label`: CPU µs to learn one label: of one interval, or of the whole window
    for a model that knows no intervals.
    `note`: what a reader must know of it; empty if nothing.
    """

    name: str
    propensities: Doubles
    us_score: float
    us_label: float
    note: str = ""


class Stopwatch:
    """Time spent, by what it was spent on.

    Parameters
    ----------
    clock
        Nanoseconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = 0
        self.spent_ns = 0
        self.times = 0

    def __enter__(self) -> "Stopwatch":
        self._started = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        self.spent_ns += self._clock() - self._started

    def us_each(self) -> float:
        """Microseconds for each of the `times` that its user counted; 0 if there were none."""
        return self.spent_ns / 1000 / self.times if self.times else 0.0
