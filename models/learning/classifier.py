"""The hazard learner as a River classifier: one interval, its label at once."""

import math
from typing import Any

import numpy as np
from river import base

from models.features.registry import WIDTH
from models.features.vector import FeatureVector, categorical_id, numeric_id
from models.learning.hazard_learner import HazardLearner
from models.scorer import score
from schemas.example import MaturedExample
from schemas.ids import Millis

NOWHERE = np.zeros(WIDTH, np.float32)


class HazardClassifier(base.Classifier):  # type: ignore[misc] # River has no types
    """FTRL at four rates and a belief under Hedge, for any dict of features: what River's checks and evaluations can run on.

    A number is a numeric feature, anything else a category. The hazards that Hedge judges are those of the moment before learning.

    Parameters
    ----------
    prior
        Probability of True before any label, in (0, 1).

    Examples
    --------
    >>> model = HazardClassifier(prior=0.2)
    >>> for _ in range(50):
    ...     model.learn_one({"plan": "pro"}, True)
    ...     model.learn_one({"plan": "free"}, False)
    >>> model.predict_one({"plan": "pro"}), model.predict_one({"plan": "free"})
    (True, False)
    """

    def __init__(self, prior: float = 0.15) -> None:
        self.prior = prior
        self._learner = HazardLearner(prior=prior, intervals=1)
        self._model = self._learner.model()
        self._learned = 0

    @property
    def _multiclass(self) -> bool:
        return False

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        """Learn one label; its prediction is made first, as Hedge wants it."""
        vector = _vector(x)
        scored = self._score(vector)
        self._learned += 1
        now, label = Millis(self._learned), bool(y)
        example = MaturedExample(
            tenant="",
            lead=str(self._learned),
            event_id="",
            sequence=1,
            as_of=now,
            matured_at=now,
            first_interval=0,
            last_interval=0,
            is_converted=label,
            is_final=True,
            propensity=float(scored.propensity[0]),
            hazards=scored.hazards[0].tolist(),
            model_version=0,
            features=vector.to_bytes(),
        )
        self._learner.learn(example)
        self._model = self._learner.model()

    def predict_proba_one(self, x: dict[Any, Any]) -> dict[bool, float]:
        """Probability of True and of False; changes nothing."""
        p = float(self._score(_vector(x)).propensity[0])
        return {True: p, False: 1.0 - p}

    def _score(self, vector: FeatureVector) -> Any:
        return score(self._model, vector.dense.reshape(1, -1), vector.ids, vector.values, np.array([len(vector.ids)]))


def _vector(x: dict[Any, Any]) -> FeatureVector:
    # in order of name: what comes first must not decide anything
    named = sorted((str(name), value) for name, value in x.items() if value is not None)
    ids = [numeric_id(name) if _is_number(value) else categorical_id(name, str(value)) for name, value in named]
    values = [float(value) if _is_number(value) else 1.0 for _, value in named]
    finite = [math.copysign(math.log1p(abs(value)), value) if math.isfinite(value) else math.nan for value in values]
    are_numbers = [_is_number(value) for _, value in named]
    kept = [number if is_number else 1.0 for number, is_number in zip(finite, are_numbers, strict=True)]
    return FeatureVector(NOWHERE, np.array(ids, np.uint64), np.array(kept, np.float32))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
