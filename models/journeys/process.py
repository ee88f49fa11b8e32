"""The hidden process of a lead: a Markov chain in continuous time, so that its true propensity has a closed form."""

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STAGES = 5
"""Visitor, interested, considering, evaluating, deciding."""

FITS = 12
"""Levels of how well a lead suits what is sold; hidden, but firmographics and seniority tell most of it."""

WINDOW_DAYS = 30.0
WON, LOST, SILENT = range(STAGES * 2, STAGES * 2 + 3)
STATES = STAGES * 2 + 3
"""Stage and heat (state = 2 · stage + heat), then the three ends."""

ADVANCE_PER_DAY = (0.05, 0.045, 0.05, 0.06, 0.05)
"""Leaving a stage upwards, cold, at neutral fit; out of the last stage it is the deal."""
LOSE_PER_DAY = (0.0, 0.001, 0.004, 0.010, 0.020)
FALL_SILENT_PER_DAY = (0.09, 0.06, 0.035, 0.02, 0.008)
"""Most leads end here: nobody ever says so."""
HEAT_UP_PER_DAY, COOL_DOWN_PER_DAY = 0.06, 0.25
HOT_ADVANCE, HOT_END = 4.0, 0.4
"""Factors of a hot lead: on advancing, and on being lost or falling silent."""


class Rates(NamedTuple):
    """What may happen to a lead in one state, per day."""

    advance: float
    lose: float
    fall_silent: float
    turn: float

    @property
    def total(self) -> float:
        """Leaving the state at all."""
        return self.advance + self.lose + self.fall_silent + self.turn


def state_of(stage: int, *, is_hot: bool) -> int:
    """The number of a state."""
    return 2 * stage + is_hot


@cache
def rates(fit: int, state: int) -> Rates:
    """Rates per day of a lead that has not ended yet.

    Parameters
    ----------
    fit
        0 (hopeless) to FITS - 1.
    state
        Below WON.
    """
    stage, is_hot = divmod(state, 2)
    suits = 2.6 ** (4 * fit / (FITS - 1) - 2)  # 0.15 to 6.8: fit alone moves the odds by a factor of 45
    advance = ADVANCE_PER_DAY[stage] * suits**0.5 * (HOT_ADVANCE if is_hot else 1.0)
    ending = (HOT_END if is_hot else 1.0) / suits**0.3
    return Rates(advance, LOSE_PER_DAY[stage] * ending, FALL_SILENT_PER_DAY[stage] * ending, COOL_DOWN_PER_DAY if is_hot else HEAT_UP_PER_DAY)


def generator(fit: int) -> NDArray[np.float64]:
    """The chain's generator, per day: row = from, column = to, rows sum to 0."""
    matrix = np.zeros((STATES, STATES))
    for state in range(WON):
        r = rates(fit, state)
        stage = state // 2
        matrix[state, WON if stage == STAGES - 1 else state + 2] += r.advance
        matrix[state, LOST] += r.lose
        matrix[state, SILENT] += r.fall_silent
        matrix[state, state ^ 1] += r.turn
        matrix[state, state] = -r.total
    return matrix


@lru_cache(maxsize=256)
def propensities(fit: int, window_days: float = WINDOW_DAYS) -> tuple[float, ...]:
    """P(won within the window) from each state: exp(Q · window), its column of WON.

    The chain has no memory, so this is the truth at any instant, whatever happened before. A lead that has won has 1.
    """
    scale = 12  # exp(A) = exp(A / 2¹²)^(2¹²): the scaled matrix is below 0.05, where eight terms reach 1e-16
    small = generator(fit) * (window_days / 2**scale)
    term = total = np.eye(STATES)
    for n in range(1, 9):
        term = term @ small / n
        total = total + term
    for _ in range(scale):
        total = total @ total
    return tuple(float(p) for p in total[:, WON].clip(0.0, 1.0))
