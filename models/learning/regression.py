"""FTRL-proximal logistic regression on hazards, at several rates at once. Compiled."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BETA = 1.0
L2 = 1e-3
LOGIT_LIMIT = 30.0
"""A hazard's logit is held within ±30: beyond, the double nearest to the probability is 0 or 1."""
HEDGE_DECAY = 0.999
HEDGE_RATE = 0.1
HEDGE_CLIP = 1e-4


def parts_of(intervals: int) -> int:
    """Weights of one feature at one rate: one shared by all intervals and one for each; only one where there is one interval."""
    return 1 if intervals == 1 else intervals + 1


@numba.njit(cache=True)
def learn_label(
    weight: Array, z: Array, root: Array, columns: Array, inputs: Array, n: int, interval: int, label: float, start: float, rates: Array
) -> None:
    """Learn the label of one interval at every rate.

    Parameters
    ----------
    weight, z, root
        (features, rates, parts), changed in place: the weights, and FTRL's two accumulators, of which `root` is the square root of the sum
        of squared gradients.
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
    own = interval + 1 if weight.shape[2] > 1 else 0
    error = np.full(rates.shape[0], start)
    for i in range(n):
        if columns[i] >= 0:
            of = weight[columns[i]]
            for a in range(rates.shape[0]):
                error[a] += (of[a, 0] + of[a, own] if own else of[a, 0]) * inputs[i]
    for a in range(rates.shape[0]):
        error[a] = 1.0 / (1.0 + math.exp(-min(max(error[a], -LOGIT_LIMIT), LOGIT_LIMIT))) - label
    for i in range(n):
        if columns[i] >= 0:
            of, sums, roots = weight[columns[i]], z[columns[i]], root[columns[i]]
            for part in range(0, own + 1, max(own, 1)):
                for a in range(rates.shape[0]):
                    gradient = error[a] * inputs[i]
                    after = math.sqrt(roots[a, part] * roots[a, part] + gradient * gradient)
                    sums[a, part] += gradient - (after - roots[a, part]) / rates[a] * of[a, part]
                    roots[a, part] = after
                    of[a, part] = -sums[a, part] * rates[a] / (BETA + after + L2 * rates[a])


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
