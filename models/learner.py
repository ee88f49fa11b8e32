"""What learns from matured examples: the promises, and River's logistic regression that keeps them."""

import struct
from typing import Protocol

import msgpack
import numpy as np
from river import linear_model, optim, utils

from models.features.registry import WIDTH
from models.features.vector import CATEGORICAL, FeatureVector, vector_from_bytes
from models.scorer import LinearModel, hazard_logit
from schemas.errors import FatalError
from schemas.example import MaturedExample

VERSION = 1
Coordinates = dict[int, float]


class Learner(Protocol):
    """Learns hazards from interval labels.

    Promises: `learn` changes no input; `model` is a value, never changed by later learning; a learner restored from its bytes gives
    the same model and goes on learning in the same way.
    """

    name: str

    def learn(self, example: MaturedExample) -> int:
        """Learn every interval label of the example; returns how many there were."""

    def model(self) -> LinearModel:
        """What was learned so far, ready to score."""

    def to_bytes(self) -> bytes:
        """Everything needed to go on learning elsewhere."""


class RunningScale:
    """Mean and variance of each number, by Welford's method.

    References
    ----------
    [^1]: Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4(3), 1962.
    """

    def __init__(self) -> None:
        self.moments: dict[int, tuple[int, float, float]] = {}

    def update(self, feature_id: int, value: float) -> None:
        """Take one more value into account."""
        count, mean, squares = self.moments.get(feature_id, (0, 0.0, 0.0))
        count += 1
        step = value - mean
        mean += step / count
        self.moments[feature_id] = (count, mean, squares + step * (value - mean))

    def mean_and_scale(self, feature_id: int) -> tuple[float, float]:
        """The mean, and one over the standard deviation; a constant has scale 0, as it tells nothing."""
        count, mean, squares = self.moments.get(feature_id, (0, 0.0, 0.0))
        return mean, (count / squares) ** 0.5 if squares > 1e-9 * count else 0.0


class RiverLearner:
    """River's logistic regression with FTRL-proximal on hazards: one weight vector for all intervals, one bias for each.

    Numbers are standardised as they come; categories are 0 or 1. Feature ids of the dense features are their positions doubled (a number's
    lowest bit is clear), of the intervals' biases INTERVAL + 2k + 1.

    References
    ----------
    [^1]: McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013.
    """

    name = "river-logistic-regression"
    INTERVAL = 1 << 33  # above every CRC-32, so it meets no feature
    DENSE = 1 << 32
    CLIP = 5.0
    """Standardised numbers are held within ±5 deviations while learning."""

    def __init__(self, *, prior: float, intervals: int) -> None:
        self._start = hazard_logit(prior, intervals)
        self._intervals = intervals
        self._scale = RunningScale()
        self._optimizer = optim.FTRLProximal(alpha=0.05, beta=1.0, l1=0.0, l2=1.0)
        # no intercept of River's own: the intervals' biases are features, moved by the same rule
        self._regression = linear_model.LogisticRegression(optimizer=self._optimizer, intercept_init=self._start, intercept_lr=0.0)

    def learn(self, example: MaturedExample) -> int:
        """Learn every interval label of the example; returns how many there were."""
        x = self._coordinates(vector_from_bytes(example.features))
        for interval in range(example.first_interval, example.last_interval + 1):
            is_converted = example.is_converted and interval == example.last_interval
            self._regression.learn_one({**x, self.INTERVAL + interval: 1.0}, is_converted)
        return example.last_interval - example.first_interval + 1

    def _coordinates(self, vector: FeatureVector) -> Coordinates:
        dense = vector.dense.tolist()
        x: Coordinates = {self.DENSE + i: self._standardised(self.DENSE + i, value) for i, value in enumerate(dense)}
        for feature_id, value in zip(vector.ids.tolist(), vector.values.tolist(), strict=True):
            x[feature_id] = value if feature_id & CATEGORICAL else self._standardised(feature_id, value)
        return x

    def _standardised(self, feature_id: int, value: float) -> float:
        self._scale.update(feature_id, value)
        mean, scale = self._scale.mean_and_scale(feature_id)
        return min(max((value - mean) * scale, -self.CLIP), self.CLIP)

    def model(self) -> LinearModel:
        """What was learned so far, ready to score."""
        weights = self._regression.weights
        sparse = sorted(i for i in weights if i < self.DENSE)
        scales = [(0.0, 1.0) if i & CATEGORICAL else self._scale.mean_and_scale(i) for i in sparse]
        dense_scales = [self._scale.mean_and_scale(self.DENSE + i) for i in range(WIDTH)]
        return LinearModel(
            bias=np.array([self._start + weights.get(self.INTERVAL + k, 0.0) for k in range(self._intervals)]),
            dense_weight=np.array([weights.get(self.DENSE + i, 0.0) for i in range(WIDTH)]),
            dense_mean=np.array([mean for mean, _ in dense_scales]),
            dense_scale=np.array([scale for _, scale in dense_scales]),
            ids=np.array(sparse, np.uint32),
            weight=np.array([weights[i] for i in sparse], np.float64),
            mean=np.array([mean for mean, _ in scales], np.float64),
            scale=np.array([scale for _, scale in scales], np.float64),
        )

    def to_bytes(self) -> bytes:
        """A version, the shape, then weight, FTRL's two accumulators and the moments of each feature."""
        weights, moments, ftrl = self._regression.weights, self._scale.moments, self._optimizer
        body = b"".join(
            _RECORD.pack(i, weights.get(i, 0.0), ftrl.z.get(i, 0.0), ftrl.n.get(i, 0.0), *moments.get(i, (0, 0.0, 0.0)))
            for i in sorted(weights.keys() | moments.keys())
        )
        packed = msgpack.packb([VERSION, self._start, self._intervals, ftrl.n_iterations, body])
        assert isinstance(packed, bytes)
        return packed

    @classmethod
    def from_bytes(cls, data: bytes) -> "RiverLearner":
        """The learner that `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, start, intervals, iterations, body = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"learner state of version {version}, this release reads {VERSION}")
        learner = cls(prior=0.5, intervals=intervals)
        learner._start = learner._regression.intercept = start
        ftrl = learner._optimizer
        ftrl.n_iterations = iterations
        weights = {}
        for i, weight, z, n, count, mean, squares in _RECORD.iter_unpack(body):
            weights[i], ftrl.z[i], ftrl.n[i] = weight, z, n
            if count:
                learner._scale.moments[i] = (count, mean, squares)
        learner._regression._weights = utils.VectorDict(weights)  # noqa: SLF001 - River offers no other way to give weights back
        return learner


_RECORD = struct.Struct("<qdddqdd")
