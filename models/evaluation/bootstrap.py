"""Differences of two models on the same points, with the interval that drawing leads anew gives."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.evaluation.measures import Bools, Doubles, Ranking, log_losses

DRAWS = 400
"""Draws of leads; the ends of a 95 % interval rest on ten of them each."""
SEED = 1


class Interval(NamedTuple):
    """A difference and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves no doubt of the sign."""
        return self.low > 0.0 or self.high < 0.0


class Difference(NamedTuple):
    """Ours less the other's: a better AUC is positive, a better log loss negative. None: no pairs to put in order."""

    auc: Interval | None
    log_loss: Interval


class LeadBootstrap:
    """Points of leads, and the same DRAWS draws of leads for every comparison.

    Points of one lead are not independent, so leads are drawn, with replacement, and each brings all its points.

    Parameters
    ----------
    leads
        (n,), the lead of each point as a number from 0 up.
    converted
        (n,).

    References
    ----------
    [^1]: Field and Welsh, "Bootstrapping clustered data", JRSS B 69(3), 2007.
    """

    def __init__(self, leads: npt.NDArray[np.int64], converted: Bools) -> None:
        _, self._lead = np.unique(leads, return_inverse=True)
        self._leads = int(self._lead.max(initial=-1)) + 1
        self._converted = converted

    def difference(self, ours: Doubles, others: Doubles) -> Difference:
        """Compare two models' propensities, (n,) each."""
        our_ranking, other_ranking = Ranking(ours, self._converted), Ranking(others, self._converted)
        losses = log_losses(ours, self._converted) - log_losses(others, self._converted)
        loss_of_lead, points_of_lead = np.bincount(self._lead, losses, self._leads), np.bincount(self._lead, minlength=self._leads)
        rng = np.random.default_rng(SEED)
        aucs, means = [], []
        for _ in range(DRAWS):
            drawn = np.bincount(rng.integers(0, self._leads, self._leads), minlength=self._leads).astype(np.float64)
            means.append(float(drawn @ loss_of_lead / (drawn @ points_of_lead)))
            weights = drawn[self._lead]
            our, other = our_ranking.auc(weights), other_ranking.auc(weights)
            if our is not None and other is not None:
                aucs.append(our - other)
        our, other = our_ranking.auc(), other_ranking.auc()
        auc = None if our is None or other is None else _interval(our - other, aucs)
        return Difference(auc, _interval(float(losses.mean()), means))


def _interval(value: float, drawn: list[float]) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high))
