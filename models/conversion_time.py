"""When a lead will convert, if it does: from the hazards of a score."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.policy import DAY_MS

Doubles = npt.NDArray[np.float64]


class ConversionTime(NamedTuple):
    """What a score's hazards say of the date.

    Parameters
    ----------
    by_day
        Probability of having converted by the end of each day of the window after the score, the last one the propensity.
    expected_ms
        Mean time from the score to the conversion, given that it comes within the window.
    median_ms
        Time by which half of those who convert have.
    """

    by_day: Doubles
    expected_ms: float
    median_ms: float


def mixed_hazards(hazards: Doubles, trust: Doubles) -> Doubles:
    """One hazard for each interval, (K,), from those of each rate, (rates x K), by rate: exact for the mixture of their survivals.

    Examples
    --------
    >>> mixed_hazards(np.array([0.5, 0.0, 0.5, 1.0]), np.array([0.5, 0.5])).round(3).tolist()
    [0.5, 0.5]
    """
    survival = np.cumprod(1.0 - hazards.reshape(len(trust), -1), axis=1)
    mixed = np.concatenate([[1.0], trust @ survival])
    return np.asarray(1.0 - np.divide(mixed[1:], mixed[:-1], out=np.zeros(len(mixed) - 1), where=mixed[:-1] > 0.0))


def conversion_time(hazards: Doubles, ends_ms: tuple[int, ...]) -> ConversionTime:
    """The date that hazards foretell; within an interval every instant is as likely as any other.

    Parameters
    ----------
    hazards
        Of each interval, (K,), in [0, 1].
    ends_ms
        Ends of the K intervals, in ms after the score, ascending.

    Examples
    --------
    >>> time = conversion_time(np.array([0.5, 0.0]), (DAY_MS, 3 * DAY_MS))
    >>> time.by_day.tolist(), time.expected_ms / DAY_MS, time.median_ms / DAY_MS
    ([0.5, 0.5, 0.5], 0.5, 0.5)
    """
    edges = np.array([0, *ends_ms], np.float64)
    converted = np.concatenate([[0.0], 1.0 - np.cumprod(1.0 - hazards)])
    days = np.arange(1, int(np.ceil(edges[-1] / DAY_MS)) + 1) * DAY_MS
    share = np.diff(converted)
    total = float(converted[-1])
    middles = (edges[:-1] + edges[1:]) / 2.0
    expected = float(share @ middles / total) if total > 0.0 else float(edges[-1] / 2.0)
    median = float(np.interp(total / 2.0, converted, edges)) if total > 0.0 else float(edges[-1] / 2.0)
    return ConversionTime(np.interp(days, edges, converted), expected, median)
