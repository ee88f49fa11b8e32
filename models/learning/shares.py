"""The last mix: how much of the published logit is the nightly base's, and how far the mixture is drawn apart. Compiled."""

import math
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from models.features.vector import PATTERN_MODEL
from models.learning.regression import HEDGE_CLIP, HEDGE_RATE, LOGIT_LIMIT

Array = npt.NDArray[Any]

SHARES = np.repeat(np.arange(7) / 10, 5)
"""Shares of the base, of each mixture that is tried; they and SLOPES are parallel, every share with every slope."""
SLOPES = np.tile(np.array([-0.1, -0.05, 0.0, 0.05, 0.1]), 7)
"""By how much more than the usual slope (`usual_slope`) each of them draws its logit away from the mean one."""
USUAL_SHARE, SHARE_SPREAD = 0.33, 0.2
"""What is believed before any label: two forecasts of one thing are best averaged, and the one that is never a night old counts for more."""
SLOPE_SPREAD = 0.05
APART = 0.1
"""Averages of forecasts that are each right are too near to the mean, as each knows something that the others do not."""
SHARE_RATE, SHARE_DECAY = 0.05, 0.9998
"""Labels are not independent: those of a day share its luck, and taken at their word they made the shares run after it. So each counts for
little, and for long."""
PIVOT_DECAY = 0.9995


class Mix(NamedTuple):
    """The mixture in use: pivot + slope · ((1 - share) · own logit + share · the base's logit - pivot).

    A slope around the mean logit draws the scores apart and leaves their mean where it is.
    """

    share: float
    slope: float
    pivot: float


def mix(share_loss: Array, intervals: int, pivot: float | None) -> Mix:
    """What the losses speak for, by Hedge, against what was believed before any label.

    Parameters
    ----------
    share_loss
        By mixture.
    intervals
        K, at least 1.
    pivot
        The mean logit; None: not known yet, and nothing is drawn away from it.

    References
    ----------
    [^1]: Ranjan and Gneiting, "Combining probability forecasts", JRSS B 72(1), 2010: combinations of calibrated forecasts are underconfident.
    """
    believed = ((SHARES - USUAL_SHARE) / SHARE_SPREAD) ** 2 / 2.0 + (SLOPES / SLOPE_SPREAD) ** 2 / 2.0
    against = SHARE_RATE * share_loss + believed
    weights = np.exp(against.min() - against)
    weights /= weights.sum()
    share = float(weights @ SHARES)
    return Mix(share, 1.0, 0.0) if pivot is None else Mix(share, usual_slope(intervals) + float(weights @ SLOPES), pivot)


@numba.njit(cache=True)
def usual_slope(intervals: int) -> float:
    """The slope that is believed in before any label.

    With a window labels are as old as the window is long, and a model is surer of them than of today: that makes up for APART.
    """
    return 1.0 + APART if intervals == 1 else 1.0


@numba.njit(cache=True)
def base_logit(ids: Array, values: Array, begin: int, end: int) -> float:
    """The base's logit among the features from `begin` to `end` (exclusive), held within ±LOGIT_LIMIT; NaN: there is none."""
    for j in range(begin, end):
        if ids[j] == np.uint64(PATTERN_MODEL) and math.isfinite(values[j]):
            return min(max(np.float64(values[j]), -LOGIT_LIMIT), LOGIT_LIMIT)
    return math.nan


@numba.njit(cache=True)
def own_logit(loss: Array, hazards: Array, intervals: int) -> float:
    """The logit of what all experts together said, by Hedge.

    Parameters
    ----------
    loss
        Of each expert.
    hazards
        As frozen in the example: all intervals of the first expert, then of the second.
    """
    least, total, p = loss.min(), 0.0, 0.0
    for expert in range(loss.shape[0]):
        survival = 1.0
        for k in range(intervals):
            survival *= 1.0 - hazards[expert * intervals + k]
        weight = math.exp(-HEDGE_RATE * (loss[expert] - least))
        total += weight
        p += weight * (1.0 - survival)
    p = min(max(p / total, HEDGE_CLIP), 1.0 - HEDGE_CLIP)
    return math.log(p / (1.0 - p))


@numba.njit(cache=True)
def blame_base(ids: Array, values: Array, hazards: Array, loss: Array, share_loss: Array, sums: Array, intervals: int, label: float) -> None:
    """Charge every mixture with the base, if the vector has the base's logit.

    Parameters
    ----------
    ids, values
        The vector's sparse features.
    hazards, loss, intervals
        As in `own_logit`.
    share_loss, label
        As in `blame_shares`.
    sums
        Changed in place (4,): of the base's logits and how many there were; the same of the learner's own, fading.
    """
    base = base_logit(ids, values, 0, ids.shape[0])
    if math.isnan(base):
        return
    own = own_logit(loss, hazards, intervals)
    sums[0] += base
    sums[1] += 1.0
    sums[2] = PIVOT_DECAY * sums[2] + own
    sums[3] = PIVOT_DECAY * sums[3] + 1.0
    blame_shares(share_loss, own, base, sums[2] / sums[3], intervals, label)


@numba.njit(cache=True)
def blame_shares(share_loss: Array, own: float, base: float, pivot: float, intervals: int, label: float) -> None:
    """Charge every mixture with the log loss of the score that it would have given; older losses fade.

    Parameters
    ----------
    share_loss
        By mixture, changed in place.
    own, base, pivot
        Logits: what the learner and the base said when the score was made, and the mean.
    label
        Whether it converted in the whole window, 0 or 1.
    """
    usual = usual_slope(intervals)
    for s in range(share_loss.shape[0]):
        logit = pivot + (usual + SLOPES[s]) * (own + SHARES[s] * (base - own) - pivot)
        share_loss[s] = SHARE_DECAY * share_loss[s] + math.log1p(math.exp(-logit if label > 0.0 else logit))
