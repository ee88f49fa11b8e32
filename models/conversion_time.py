"""When a lead will convert, if it does: from the hazards behind a score."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from schemas.policy import DAY_MS

Doubles = npt.NDArray[np.float64]
SURE = 1e-12
"""Survival is held this far from 0 and 1, so that its logarithm is a number other than 0."""


class ConversionTime(NamedTuple):
    """What a score says of the date.

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


def converted_by(hazards: Doubles, trust: Doubles, propensity: Doubles) -> Doubles:
    """Probability of having converted by the end of each interval, (n, K), of n scores: the last one is the propensity.

    Exact for the mixture of the rates' survivals. Where the published propensity is another than that of the hazards, as the nightly base
    had a say in it, all intervals share the difference in proportion to their own hazards' logarithms.

    Parameters
    ----------
    hazards
        (n, rates x K), by rate, then by interval.
    trust
        Of the rates, their sum 1.
    propensity
        As published, (n,), in (0, 1).

    References
    ----------
    [^1]: Cox, "Regression models and life-tables", JRSS B 34(2), 1972: proportional hazards.

    Examples
    --------
    >>> converted_by(np.array([[0.5, 0.0, 0.5, 1.0]]), np.array([0.5, 0.5]), np.array([0.75])).round(3).tolist()
    [[0.5, 0.75]]
    """
    converted = np.empty((len(hazards), hazards.shape[1] // len(trust)))
    _convert(hazards, trust, propensity, converted)
    return converted


@numba.njit(cache=True)
def _convert(hazards: Doubles, trust: Doubles, propensity: Doubles, converted: Doubles) -> None:
    rates, intervals = trust.shape[0], converted.shape[1]
    survival = np.empty(rates)
    for i in range(converted.shape[0]):
        survival[:] = 1.0
        for k in range(intervals):
            mixed = 0.0
            for rate in range(rates):
                survival[rate] *= 1.0 - hazards[i, rate * intervals + k]
                mixed += trust[rate] * survival[rate]
            converted[i, k] = min(max(mixed, SURE), 1.0 - SURE)
        stretch = math.log1p(-propensity[i]) / math.log(converted[i, intervals - 1])
        for k in range(intervals):
            converted[i, k] = 1.0 - converted[i, k] ** stretch


def expected_ms(converted: Sequence[float], ends_ms: Sequence[int]) -> float:
    """The mean of `ConversionTime` alone: some thousands a second are pushed to CRMs, one by one.

    Examples
    --------
    >>> expected_ms([0.5, 0.5], (DAY_MS, 3 * DAY_MS)) / DAY_MS
    0.5
    """
    total = converted[-1]
    if total <= 0.0:
        return ends_ms[-1] / 2.0
    reached, begin, sum_ms = 0.0, 0, 0.0
    for by, end in zip(converted, ends_ms, strict=True):
        sum_ms += (by - reached) * (begin + end) / 2.0
        reached, begin = by, end
    return sum_ms / total


def conversion_time(converted: Doubles, ends_ms: tuple[int, ...]) -> ConversionTime:
    """The date that a score foretells; within an interval every instant is as likely as any other.

    Parameters
    ----------
    converted
        Probability of having converted by the end of each interval, (K,), in [0, 1], never falling.
    ends_ms
        Ends of the K intervals, in ms after the score, ascending.

    Examples
    --------
    >>> time = conversion_time(np.array([0.5, 0.5]), (DAY_MS, 3 * DAY_MS))
    >>> time.by_day.tolist(), time.expected_ms / DAY_MS, time.median_ms / DAY_MS
    ([0.5, 0.5, 0.5], 0.5, 0.5)
    """
    edges = np.array([0, *ends_ms], np.float64)
    reached = np.concatenate([[0.0], converted])
    expected = expected_ms(converted.tolist(), ends_ms)
    days = np.arange(1, int(np.ceil(edges[-1] / DAY_MS)) + 1) * DAY_MS
    total = float(reached[-1])
    median = float(np.interp(total / 2.0, reached, edges)) if total > 0.0 else float(edges[-1] / 2.0)
    return ConversionTime(np.interp(days, edges, reached), expected, median)
