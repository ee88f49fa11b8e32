"""Matured examples until they are trained on, and when it is time to."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.nightly.columns import FeatureVectors
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy

LIMIT = 200_000
"""Examples kept; the oldest make room. A vector has some 200 bytes."""
LEAST = 200
"""Labels below which trees know less than the prior."""
LEAST_OF_EACH = 10
"""Conversions, and silences, below which there is nothing to tell apart."""
GROWTH = 1.05
"""New trees are grown when there are 5 % more labels: nights in which less happened would give the same trees again."""


class Ripe(NamedTuple):
    """A training set: n vectors, whether each converted in its whole window, and as of when. The oldest label first."""

    vectors: FeatureVectors
    converted: npt.NDArray[np.bool_]
    as_of: npt.NDArray[np.int64]


class _Ear(NamedTuple):
    ripe_at: int
    as_of: int
    is_converted: bool
    features: bytes


class Harvest:
    """Examples of one tenant as they mature.

    With a window an example is ripe when its window is over, whatever became of it: a conversion is final earlier than silence, and trees
    grown on what is final so far would believe that everyone converts.

    Parameters
    ----------
    policy
        Whose window it is.
    """

    def __init__(self, policy: TenantPolicy) -> None:
        self._window_ms = policy.window_ms
        self._unripe: deque[_Ear] = deque()
        self._ripe: deque[_Ear] = deque(maxlen=LIMIT)
        self._gathered = 0
        self._used = 0

    def add(self, examples: Iterable[MaturedExample]) -> None:
        """Take the final ones; others say nothing about their whole window yet."""
        for example in examples:
            if example.is_final:
                ripe_at = example.window_end(self._window_ms)
                self._unripe.append(_Ear(ripe_at, example.as_of, example.is_converted, example.features))

    def is_due(self, now: int) -> bool:
        """Whether there is enough that is new at this instant of event time."""
        self._ripen(now)
        if self._gathered < max(LEAST, GROWTH * self._used):
            return False
        conversions = sum(ear.is_converted for ear in self._ripe)
        return min(conversions, len(self._ripe) - conversions) >= LEAST_OF_EACH

    def ripe(self, now: int) -> Ripe:
        """What may be trained on at this instant of event time, in ms; counts as used."""
        self._ripen(now)
        self._used = self._gathered
        return Ripe(
            FeatureVectors.of([ear.features for ear in self._ripe]),
            np.array([ear.is_converted for ear in self._ripe], np.bool_),
            np.array([ear.as_of for ear in self._ripe], np.int64),
        )

    def _ripen(self, now: int) -> None:
        ripe = sorted(ear for ear in self._unripe if ear.ripe_at <= now)
        if ripe:
            self._unripe = deque(ear for ear in self._unripe if ear.ripe_at > now)
            self._ripe.extend(ripe)
            self._gathered += len(ripe)
