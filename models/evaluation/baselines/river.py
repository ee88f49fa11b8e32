"""River's models out of the box."""

import zlib
from typing import Any

from river import forest, linear_model, optim, preprocessing

from models.evaluation.points import Points


class RiverRegression:
    """Standardised numbers, categories one-hot, logistic regression by FTRL-proximal."""

    name = "River LR"
    note = ""

    def __init__(self, prior: float) -> None:
        self._prior = prior
        self._scaler = preprocessing.StandardScaler()
        self._regression = linear_model.LogisticRegression(optimizer=optim.FTRLProximal(alpha=0.1, beta=1.0, l1=0.0, l2=0.0))
        self._has_learned = False

    def score(self, points: Points, i: int) -> float:
        """The prior, before any label. The scaler learns from every point that is scored: it needs no label."""
        numbers, categories = _parted(points, i)
        self._scaler.learn_one(numbers)
        if not self._has_learned:
            return self._prior
        return float(self._regression.predict_proba_one(self._scaler.transform_one(numbers) | categories)[True])

    def learn(self, points: Points, i: int) -> None:
        """Learn one label."""
        numbers, categories = _parted(points, i)
        self._regression.learn_one(self._scaler.transform_one(numbers) | categories, bool(points.converted[i]))
        self._has_learned = True


def _parted(points: Points, i: int) -> tuple[dict[str, float], dict[str, float]]:
    numbers: dict[str, float] = {}
    categories: dict[str, float] = {}
    for name, value in points.features(i).items():
        if isinstance(value, str):
            categories[f"{name}={value}"] = 1.0
        else:
            numbers[name] = value
    return numbers, categories


class RiverForest:
    """Adaptive random forest of ten trees. Its cost is capped: of many points it learns a sample, drawn by a hash, and scores them all.

    Parameters
    ----------
    prior
        Said before any label.
    points
        How many there are to learn.

    References
    ----------
    [^1]: Gomes et al., "Adaptive random forests for evolving data stream classification", Machine Learning 106, 2017.
    """

    name = "River ARF"
    LEARNED = 6_000
    """Labels it learns at most: one costs up to 2.4 ms, a hundred times what a regression needs."""
    SEED = 1

    def __init__(self, prior: float, points: int) -> None:
        self._prior = prior
        self._share = min(1.0, self.LEARNED / max(points, 1))
        self.note = "" if self._share == 1.0 else f"learns {self._share:.0%} of the labels, to stay within the time"
        self._forest: Any = forest.ARFClassifier(n_models=10, seed=self.SEED)
        self._has_learned = False

    def score(self, points: Points, i: int) -> float:
        """The prior, before any label."""
        if not self._has_learned:
            return self._prior
        return float(self._forest.predict_proba_one(points.features(i)).get(True, 0.0))

    def learn(self, points: Points, i: int) -> None:
        """Learn one label, if it is in the sample."""
        if zlib.crc32(i.to_bytes(8, "little")) < self._share * 2**32:
            self._forest.learn_one(points.features(i), bool(points.converted[i]))
            self._has_learned = True
