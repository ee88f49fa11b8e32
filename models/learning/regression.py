"""FTRL-proximal logistic regression on hazards, at several rates at once. Compiled."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.learning.prefetching import prefetch

Array = npt.NDArray[Any]

BETA = 1.0
L2 = 1e-3
LOGIT_LIMIT = 30.0
"""A hazard's logit is held within ±30: beyond, the double nearest to the probability is 0 or 1."""
HEDGE_DECAY = 0.999
HEDGE_RATE = 0.1
HEDGE_CLIP = 1e-4
_BETA, _L2 = np.float32(BETA), np.float32(L2)
"""As the weights are: one number in double precision would have a whole step calculated in it."""


def parts_of(intervals: int) -> int:
    """Weights of one feature at one rate: one shared by all intervals and one for each; only one where there is one interval."""
    return 1 if intervals == 1 else intervals + 1


@numba.njit(cache=True)
def ask_for(ftrl: Array, columns: Array, n: int, interval: int) -> None:
    """Ask for what `learn_label` will need first; the parameters are its own."""
    parts, size = ftrl.shape[1], ftrl.shape[2] * ftrl.shape[3]
    for i in range(n):
        if columns[i] >= 0:
            for part in range(0, interval + 2 if parts > 1 else 1, interval + 1):
                at = (columns[i] * parts + part) * size
                prefetch(ftrl, at)
                prefetch(ftrl, at + size - 1)


@numba.njit(cache=True, error_model="numpy")
def learn_label(ftrl: Array, columns: Array, inputs: Array, n: int, interval: int, label: float, start: float, rates: Array) -> None:
    """Learn the label of one interval at every rate.

    Parameters
    ----------
    ftrl
        float32 (features, parts, 3, rates), changed in place: the weights, and FTRL's two accumulators, of which the second is the square
        root of the sum of squared gradients. What a label changes of a feature lies side by side.
    columns, inputs, n
        The encoded vector; -1 is left out.
    interval, label
        Which interval, from 0, and whether it converted there, 0 or 1.
    start
        The logit before any label.

    References
    ----------
    [^1]: McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013.
    """
    count, own = rates.shape[0], interval + 1 if ftrl.shape[1] > 1 else 0
    error = np.full(count, start)
    for i in range(n):
        if columns[i] >= 0:
            column = columns[i]
            for a in range(count):
                weighed = ftrl[column, 0, 0, a]
                if own:
                    weighed += ftrl[column, own, 0, a]
                error[a] += weighed * inputs[i]
    for a in range(count):
        error[a] = 1.0 / (1.0 + math.exp(-min(max(error[a], -LOGIT_LIMIT), LOGIT_LIMIT))) - label
    # no feature is met twice, so that all steps are taken at once, and several by one instruction: roots and divisions are what they cost
    weight, z, root = np.empty(2 * n * count, np.float32), np.empty(2 * n * count, np.float32), np.empty(2 * n * count, np.float32)
    gradient, rate = np.empty(2 * n * count, np.float32), np.empty(2 * n * count, np.float32)
    for k in range(_collect(ftrl, columns, inputs, n, own, error, rates, weight, z, root, gradient, rate)):
        after = math.sqrt(root[k] * root[k] + gradient[k] * gradient[k])
        z[k] += gradient[k] - (after - root[k]) / rate[k] * weight[k]
        root[k] = after
        weight[k] = -z[k] * rate[k] / (_BETA + after + _L2 * rate[k])
    _put_back(ftrl, columns, n, own, weight, z, root)


@numba.njit(cache=True)
def _collect(
    ftrl: Array,
    columns: Array,
    inputs: Array,
    n: int,
    own: int,
    error: Array,
    rates: Array,
    weight: Array,
    z: Array,
    root: Array,
    gradient: Array,
    rate: Array,
) -> int:
    m = 0
    for i in range(n):
        if columns[i] >= 0:
            column = columns[i]
            for part in range(0, own + 1, max(own, 1)):
                for a in range(rates.shape[0]):
                    weight[m], z[m], root[m] = ftrl[column, part, 0, a], ftrl[column, part, 1, a], ftrl[column, part, 2, a]
                    gradient[m], rate[m] = error[a] * inputs[i], rates[a]
                    m += 1
    return m


@numba.njit(cache=True)
def _put_back(ftrl: Array, columns: Array, n: int, own: int, weight: Array, z: Array, root: Array) -> None:
    m = 0
    for i in range(n):
        if columns[i] >= 0:
            column = columns[i]
            for part in range(0, own + 1, max(own, 1)):
                for a in range(ftrl.shape[3]):
                    ftrl[column, part, 0, a], ftrl[column, part, 1, a], ftrl[column, part, 2, a] = weight[m], z[m], root[m]
                    m += 1


@numba.njit(cache=True)
def blame(loss: Array, hazards: Array, intervals: int, interval: int, label: float) -> None:
    """Charge each rate with the log loss of the hazard that it gave when the score was made; older losses fade.

    Parameters
    ----------
    loss
        By rate, changed in place.
    hazards
        As frozen in the example: all intervals of the first rate, then of the second.
    """
    for rate in range(loss.shape[0]):
        hazard = min(max(hazards[rate * intervals + interval], HEDGE_CLIP), 1.0 - HEDGE_CLIP)
        loss[rate] = HEDGE_DECAY * loss[rate] - math.log(hazard if label > 0.0 else 1.0 - hazard)


def trust(loss: Array, rate: float = HEDGE_RATE) -> npt.NDArray[np.float64]:
    """Convex weights by Hedge: each is e to the minus `rate` times its loss, their sum 1.

    References
    ----------
    [^1]: Freund and Schapire, "A decision-theoretic generalization of on-line learning", JCSS 55(1), 1997.
    """
    weights = np.exp(-rate * (loss - loss.min()))
    result: npt.NDArray[np.float64] = weights / weights.sum()
    return result
