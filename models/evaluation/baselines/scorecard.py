"""A rule scorecard as a sales department writes one: points for properties, added up, from a first look at the data, and left alone."""

from math import floor, log

import numpy as np

from models.evaluation.points import Points

LOOK = 1_000
"""Labels that are looked at before the points are written down."""
SMOOTHING = 20.0
"""Labels of the average sort that are added to each property's own: rare ones earn few points."""
PER_POINT = log(2.0) / 4
"""Of evidence for or against, four points are a factor of two; points are whole numbers."""
STEPS = 20
"""Newton's method is there after half as many."""


def properties(points: Points, i: int) -> list[tuple[str, str | int]]:
    """Categories as they are, numbers by unit: most are logarithms, so a unit is a factor of e."""
    return [(name, value if isinstance(value, str) else floor(value)) for name, value in points.features(i).items()]


class Scorecard:
    """Points by weight of evidence; what a total means was read off the same first labels.

    References
    ----------
    [^1]: Siddiqi, "Credit Risk Scorecards", Wiley 2006.
    """

    name = "scorecard"
    note = f"static: points from the first {LOOK:,} labels, never changed"

    def __init__(self, prior: float) -> None:
        self._prior = prior
        self._looked_at: list[tuple[list[tuple[str, str | int]], bool]] = []
        self._points: dict[tuple[str, str | int], int] | None = None
        self._offset, self._slope = 0.0, 0.0

    def score(self, points: Points, i: int) -> float:
        """The prior, until the card is written."""
        if self._points is None:
            return self._prior
        logit = self._offset + self._slope * self._total(properties(points, i))
        return float(0.5 * (1.0 + np.tanh(0.5 * logit)))

    def learn(self, points: Points, i: int) -> None:
        """Look, and write the card once enough was seen."""
        if self._points is not None:
            return
        self._looked_at.append((properties(points, i), bool(points.converted[i])))
        conversions = sum(is_converted for _, is_converted in self._looked_at)
        if len(self._looked_at) >= LOOK and 0 < conversions < len(self._looked_at):
            self._write(conversions / len(self._looked_at))

    def _write(self, rate: float) -> None:
        seen: dict[tuple[str, str | int], list[int]] = {}
        for of_lead, is_converted in self._looked_at:
            for one in of_lead:
                seen.setdefault(one, [0, 0])[is_converted] += 1
        odds = log(rate / (1 - rate))
        self._points = {
            one: round((log((won + SMOOTHING * rate) / (lost + SMOOTHING * (1 - rate))) - odds) / PER_POINT) for one, (lost, won) in seen.items()
        }
        totals = np.array([self._total(of_lead) for of_lead, _ in self._looked_at], np.float64)
        self._offset, self._slope = _read_off(totals, np.array([is_converted for _, is_converted in self._looked_at], np.float64))
        self._looked_at = []

    def _total(self, of_lead: list[tuple[str, str | int]]) -> int:
        assert self._points is not None
        return sum(self._points.get(one, 0) for one in of_lead)


def _read_off(totals: np.ndarray, converted: np.ndarray) -> tuple[float, float]:
    """Offset and slope of the logit of converting over the total, by a logistic regression with a slight pull to zero."""
    x = np.stack([np.ones(len(totals)), totals], axis=1)
    weights = np.zeros(2)
    for _ in range(STEPS):
        p = 0.5 * (1.0 + np.tanh(0.5 * x @ weights))
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.eye(2)
        weights += np.linalg.solve(curvature, x.T @ (converted - p) - weights)
    return float(weights[0]), float(weights[1])
