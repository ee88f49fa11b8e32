"""Measures of probabilities against labels, exact."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BINS = 15
CLIP = 1e-6
"""Propensities are held within this distance of 0 and 1 for the log loss: one that is sure and wrong costs 13.8 nats, not all."""


class Bin(NamedTuple):
    """Points whose propensity lies from `low` to below `high` (the last bin includes 1): how many, the mean propensity, the share converted."""

    low: float
    high: float
    points: int
    predicted: float
    converted: float


def auc(propensities: Doubles, converted: Bools, weights: Doubles | None = None) -> float | None:
    """Share of (converted, not converted) pairs that are in order, a tie counting a half; None where there are no such pairs.

    Parameters
    ----------
    propensities, converted
        (n,).
    weights
        How often each point counts, (n,); once if left out.

    References
    ----------
    [^1]: Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve", Radiology 143(1), 1982.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    return Ranking(propensities, converted).auc(weights)


class Ranking:
    """Points put in order once, for many weightings of them.

    Parameters
    ----------
    propensities, converted
        (n,).
    """

    def __init__(self, propensities: Doubles, converted: Bools) -> None:
        self._order = np.argsort(propensities, kind="stable")
        in_order = propensities[self._order]
        self._starts = np.flatnonzero(np.diff(in_order, prepend=-np.inf) != 0.0)
        self._converted = converted[self._order]

    def auc(self, weights: Doubles | None = None) -> float | None:
        """As the function of this name."""
        if not len(self._order):
            return None
        weight = np.ones(len(self._order)) if weights is None else weights[self._order]
        positive = np.add.reduceat(np.where(self._converted, weight, 0.0), self._starts)
        negative = np.add.reduceat(np.where(self._converted, 0.0, weight), self._starts)
        pairs = positive.sum() * negative.sum()
        if pairs <= 0.0:
            return None
        below = np.cumsum(negative) - negative
        return float((positive * (below + negative / 2)).sum() / pairs)


def log_losses(propensities: Doubles, converted: Bools) -> Doubles:
    """Log loss of each point, in nats, (n,)."""
    held = np.clip(propensities, CLIP, 1.0 - CLIP)
    return np.asarray(-np.log(np.where(converted, held, 1.0 - held)))


def brier(propensities: Doubles, converted: Bools) -> float:
    """Mean squared distance of propensity and label, 0 to 1."""
    return float(((propensities - converted) ** 2).mean())


def calibration(propensities: Doubles, converted: Bools) -> list[Bin]:
    """The bins, BINS of equal width, that hold any points."""
    place = np.minimum((propensities * BINS).astype(np.int64), BINS - 1)
    points = np.bincount(place, minlength=BINS)
    predicted = np.bincount(place, propensities, BINS)
    positives = np.bincount(place, converted, BINS)
    return [
        Bin(k / BINS, (k + 1) / BINS, int(points[k]), float(predicted[k] / points[k]), float(positives[k] / points[k]))
        for k in range(BINS)
        if points[k]
    ]


def ece(propensities: Doubles, converted: Bools) -> float:
    """Expected calibration error, 0 to 1: distance of predicted and true share by bin, weighted by the bins' points.

    References
    ----------
    [^1]: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    return sum(one.points * abs(one.predicted - one.converted) for one in calibration(propensities, converted)) / len(propensities)
