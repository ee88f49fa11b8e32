"""How near published propensities are to the true ones, which only a simulation knows."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.journeys.simulator import Step
from schemas.event import Event


class Nearness(NamedTuple):
    """Published against true.

    `auc` is the AUC to be expected of the published propensities if every lead converts with its true one; `best_auc` that of the truth
    itself, which nobody can beat. `error` is the mean of |published - true|; `published` and `true` are the means.
    """

    leads: int
    auc: float
    best_auc: float
    error: float
    published: float
    true: float


def latest_truths(steps: Sequence[Step]) -> dict[str, float]:
    """Lead → its true propensity just after its last event."""
    return {step.record.lead: step.true_propensity for step in steps if isinstance(step.record, Event)}


def nearness(published: Mapping[str, float], true: Mapping[str, float]) -> Nearness | None:
    """Compare the leads that are in both; None if there are fewer than two, or if all of them are certain to go the same way."""
    leads = sorted(published.keys() & true.keys())
    scores = np.array([published[lead] for lead in leads])
    truths = np.array([true[lead] for lead in leads])
    best = expected_auc(truths, truths)
    if best is None:
        return None
    auc = expected_auc(scores, truths)
    assert auc is not None
    return Nearness(len(leads), auc, best, float(np.abs(scores - truths).mean()), float(scores.mean()), float(truths.mean()))


def expected_auc(scores: NDArray[np.float64], truths: NDArray[np.float64]) -> float | None:
    """Expected share of (converted, not converted) pairs that the scores put in order, if leads convert independently with the truths.

    The ratio of expectations: sum over pairs of p_i (1 - p_j) [s_i > s_j], a tie counting a half, by the sum of p_i (1 - p_j) over i ≠ j.

    Examples
    --------
    >>> expected_auc(np.array([0.9, 0.1]), np.array([1.0, 0.0]))
    1.0
    >>> expected_auc(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    0.5
    """
    order = np.argsort(scores, kind="stable")
    p, s = truths[order], scores[order]
    # below[i]: expected non-conversions among those with a lower score; equal[i]: among those with the same one, itself left out
    q = 1.0 - p
    upto = np.concatenate([[0.0], np.cumsum(q)])
    first, behind = np.searchsorted(s, s, "left"), np.searchsorted(s, s, "right")
    below, equal = upto[first], upto[behind] - upto[first] - q
    pairs = float((p * (q.sum() - q)).sum())
    if pairs <= 0.0:
        return None
    return float((p * (below + equal / 2)).sum()) / pairs
