"""The second-order expert: one Gaussian belief about all weights, moved by each label as far as it is unsure. Compiled."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.learning.prefetching import prefetch_all
from models.learning.regression import LOGIT_LIMIT

Array = npt.NDArray[Any]

PLACES = 192
"""Features that the belief is about, the first that were met: its covariance has their square of numbers, and a label costs as much."""
VARIANCE = 0.2
"""Of a weight before any label: that a feature moves the logit by more than one is the exception."""
BIAS_VARIANCE = 4.0
POOLED_VARIANCE = 0.05
"""Of a weight that comes from a pooled model."""
WANDER = 1e-5
"""Variance that a label adds to every weight, up to VARIANCE: markets move, and after some ten thousand labels old ones count for little."""
LEAST_CURVATURE = 1e-4
"""A label of which the belief was sure beyond doubt is not quite ignored."""
WAITING = 16
"""Labels whose say about the covariance waits, row by row, until the row is needed or so many have come: the whole of it does not fit into the
cache beside everything else, and so comes by once for so many labels."""


@numba.njit(cache=True)
def give_places(slots: Array, columns: Array, n: int, used: int) -> int:
    """Give a place to each column of a vector that has none, as far as there are any left.

    Parameters
    ----------
    slots
        By column: its place, from 1; 0: none. Changed in place.
    columns, n
        The encoded vector; -1 is left out.
    used
        Places given so far.

    Returns
    -------
    Places given afterwards.
    """
    for i in range(n):
        if used >= PLACES:
            break
        at = columns[i]
        if at >= 0 and slots[at] == 0:
            used += 1
            slots[at] = used
    return used


@numba.njit(cache=True, error_model="numpy")
def _catch_up(covariance: Array, gains: Array, taken: Array, i: int, used: int) -> None:
    # what a row has not taken yet, in the order of labels: no bit depends on when
    row, own, p, waiting = covariance[i], covariance[i, i], taken[i], taken[-1]
    for q in range(p, waiting):
        own -= gains[q, i] * gains[q, i]
        if own < VARIANCE:
            own += np.float32(WANDER)
    while p + 4 <= waiting:
        one, two, three, four = gains[p], gains[p + 1], gains[p + 2], gains[p + 3]
        by_one, by_two, by_three, by_four = one[i], two[i], three[i], four[i]
        for j in range(used):
            row[j] = (((row[j] - by_one * one[j]) - by_two * two[j]) - by_three * three[j]) - by_four * four[j]
        p += 4
    while p < waiting:
        one = gains[p]
        by_one = one[i]
        for j in range(used):
            row[j] -= by_one * one[j]
        p += 1
    row[i] = own
    taken[i] = waiting


@numba.njit(cache=True)
def settle(covariance: Array, gains: Array, taken: Array, used: int) -> None:
    """Bring all of the covariance up to date: whoever reads it does this first.

    Parameters
    ----------
    covariance, gains, taken, used
        As in `revise`; the first three are changed in place.
    """
    for i in range(used):
        _catch_up(covariance, gains, taken, i, used)
    taken[:] = 0


@numba.njit(cache=True, error_model="numpy")
def revise(
    mean: Array,
    covariance: Array,
    gains: Array,
    taken: Array,
    used: int,
    slots: Array,
    columns: Array,
    inputs: Array,
    n: int,
    interval: int,
    intervals: int,
    label: float,
    start: float,
) -> None:
    """Revise the belief by the label of one interval: a step of the extended Kalman filter for logistic regression.

    Correlated features share what a label says, so no feature is taught twice what another has said; this pays from the first hundred
    labels on. Place 0 is the bias; with several intervals the places behind it are the intervals' own biases.

    Parameters
    ----------
    mean, covariance
        (places,) and (places, places), changed in place; the first `used` count. A row of the covariance is up to date after `settle`.
    gains, taken
        float32 (WAITING, places) and (places + 1,), changed in place: the last labels' steps, and how many of them each row has taken; the
        last number is how many there are. A place that was given since has a gain of 0, and a variance that needs no WANDER.
    slots, columns, inputs, n
        The places of all columns, and the encoded vector.
    interval, intervals, label
        Which interval, from 0, of how many, and whether it converted there, 0 or 1.
    start
        The logit before any label.

    References
    ----------
    [^1]: Spiegelhalter and Lauritzen, "Sequential updating of conditional probabilities on directed graphical structures", Networks 20,
    1990.
    [^2]: Fahrmeir, "Posterior mode estimation by extended Kalman filtering for multivariate dynamic generalized linear models", JASA 87,
    1992.
    """
    # in single precision, as the covariance is: the processor takes twice as many at a time, and its rounding is far below what is not known
    at, of, met = np.empty(n + 1, np.int64), np.empty(n + 1, np.float32), 0
    for i in range(n):
        if columns[i] >= 0 and slots[columns[i]] > 0:
            at[met], of[met] = slots[columns[i]] - 1, inputs[i]
            met += 1
    if intervals > 1:
        at[met], of[met] = 1 + interval, np.float32(1.0)
        met += 1
    waiting, logit = taken[-1], start
    gain = gains[waiting]
    gain[:] = np.float32(0.0)
    for i in range(met):
        if i + 1 < met:
            prefetch_all(covariance, at[i + 1] * covariance.shape[1], used)
        logit += mean[at[i]] * of[i]
        _catch_up(covariance, gains, taken, at[i], used)
        row, by = covariance[at[i]], of[i]
        for j in range(used):
            gain[j] += row[j] * by
    spread = 0.0
    for i in range(met):
        spread += np.float64(gain[at[i]]) * of[i]
    p = 1.0 / (1.0 + math.exp(-min(max(logit, -LOGIT_LIMIT), LOGIT_LIMIT)))
    curvature = max(p * (1.0 - p), LEAST_CURVATURE)
    certainty = 1.0 / (1.0 + curvature * max(spread, 0.0))
    step, shrink = (label - p) * certainty, np.float32(math.sqrt(curvature * certainty))
    for j in range(used):
        mean[j] += gain[j] * step
        gain[j] *= shrink
    taken[-1] = waiting + 1
    if waiting + 1 == gains.shape[0]:
        settle(covariance, gains, taken, used)


def no_gains(places: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """What waits when nothing does: (WAITING, places), and how many of them each row has taken."""
    return np.zeros((WAITING, places), np.float32), np.zeros(places + 1, np.int64)


def unsure(places: int, biases: int) -> npt.NDArray[np.float32]:
    """The covariance before any label, (places, places): the biases come first."""
    variances = np.full(places, VARIANCE, np.float32)
    variances[:biases] = BIAS_VARIANCE
    return np.diag(variances)
