"""How much of the published logit is the nightly base's: shares under Hedge, judged by the scores they would have given. Compiled."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.features.vector import PATTERN_MODEL
from models.learning.regression import HEDGE_CLIP, HEDGE_RATE, LOGIT_LIMIT

Array = npt.NDArray[Any]

SHARES = np.array([0.0, 0.25, 0.5])
"""Shares of the nightly base in the published logit, between which Hedge decides."""
SHARE_RATE = 1.0
SHARE_DECAY = 0.9995


@numba.njit(cache=True)
def base_logit(ids: Array, values: Array, begin: int, end: int) -> float:
    """The base's logit among the features from `begin` to `end` (exclusive), held within ±LOGIT_LIMIT; NaN: there is none."""
    for j in range(begin, end):
        if ids[j] == np.uint64(PATTERN_MODEL) and math.isfinite(values[j]):
            return min(max(np.float64(values[j]), -LOGIT_LIMIT), LOGIT_LIMIT)
    return math.nan


@numba.njit(cache=True)
def blame_shares(share_loss: Array, loss: Array, hazards: Array, intervals: int, base: float, label: float) -> None:
    """Charge every share with the log loss of the score that it would have given; older losses fade.

    Parameters
    ----------
    share_loss
        By share, changed in place.
    loss, hazards, intervals
        As in `regression.blame`, of all experts: the propensity is that of their mixture.
    base
        The base's logit then.
    label
        Whether it converted in the whole window, 0 or 1.
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
    own = math.log(p / (1.0 - p))
    for s in range(share_loss.shape[0]):
        logit = (1.0 - SHARES[s]) * own + SHARES[s] * base
        share_loss[s] = SHARE_DECAY * share_loss[s] + math.log1p(math.exp(-logit if label > 0.0 else logit))
