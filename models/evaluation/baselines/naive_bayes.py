"""Naive Bayes on frequencies, as CRMs have it."""

from math import exp, log

from models.evaluation.baselines.scorecard import properties
from models.evaluation.points import Points

SMOOTHING = 0.1


class FrequencyBayes:
    """P(won) from the frequency of each property among won and lost leads, as Odoo's predictive lead scoring computes it.

    Odoo adds 0.1 to every count and multiplies the frequencies of all properties, as if they were independent. It knows categories only:
    numbers count by unit.

    References
    ----------
    [^1]: Odoo, `addons/crm/models/crm_lead.py`, `_pls_get_naive_bayes_probabilities`.
    """

    name = "naive Bayes"
    note = "frequencies of properties, as in Odoo"

    def __init__(self, prior: float) -> None:
        self._prior = prior
        self._counts: dict[tuple[str, str | int], list[float]] = {}
        self._labels = [0, 0]

    def score(self, points: Points, i: int) -> float:
        """The prior, until both outcomes were seen."""
        lost, won = self._labels
        if not lost or not won:
            return self._prior
        logit = log(won / lost)
        for one in properties(points, i):
            counts = self._counts.get(one)
            if counts is not None:
                logit += log(counts[1] / (won + SMOOTHING)) - log(counts[0] / (lost + SMOOTHING))
        return 1.0 / (1.0 + exp(-min(max(logit, -500.0), 500.0)))

    def learn(self, points: Points, i: int) -> None:
        """Count."""
        is_converted = int(points.converted[i])
        self._labels[is_converted] += 1
        for one in properties(points, i):
            self._counts.setdefault(one, [SMOOTHING, SMOOTHING])[is_converted] += 1
