"""How good predictions were: AUC, log loss, Brier score and calibration of a stream of them."""

import math

import msgpack
import numpy as np
import numpy.typing as npt

from schemas.errors import FatalError

VERSION = 1
BINS = 2_000
LOGIT_RANGE = 10.0
"""Predictions are counted in BINS bins of their logit between ±10: AUC is exact but for pairs within a hundredth of a logit."""
ECE_BINS = 15
CLIP = 1e-6


class Prequential:
    """AUC, log loss, Brier score and calibration error of (propensity, label) pairs, in bounded memory.

    References
    ----------
    [^1]: Gama, Sebastião and Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90, 2013.
    """

    def __init__(self) -> None:
        self._by_logit = np.zeros((2, BINS), np.int64)
        self._ece = np.zeros((3, ECE_BINS))  # count, sum of predictions, sum of labels
        self._log_loss = 0.0
        self._brier = 0.0

    def update(self, propensity: float, *, is_converted: bool) -> None:
        """Count one prediction, as it was published.

        Parameters
        ----------
        propensity
            0 to 1; clipped to 1e-6 for the log loss.
        is_converted
            The label of its whole window.
        """
        p = min(max(propensity, CLIP), 1.0 - CLIP)
        position = (math.log(p / (1.0 - p)) + LOGIT_RANGE) * BINS / (2 * LOGIT_RANGE)
        self._by_logit[int(is_converted), min(max(int(position), 0), BINS - 1)] += 1
        self._ece[:, min(int(propensity * ECE_BINS), ECE_BINS - 1)] += (1.0, propensity, float(is_converted))
        self._log_loss -= math.log(p if is_converted else 1.0 - p)
        self._brier += (propensity - is_converted) ** 2

    def add(self, other: "Prequential") -> None:
        """Count what the other has counted too."""
        by_logit, ece, log_loss, brier = other.sums
        self._by_logit += by_logit
        self._ece += ece
        self._log_loss += log_loss
        self._brier += brier

    @property
    def sums(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], float, float]:
        """All that is kept: counts by label and bin of the logit, sums by bin of the propensity, log loss in nats, squared errors."""
        return self._by_logit, self._ece, self._log_loss, self._brier

    @property
    def points(self) -> int:
        """How many predictions were counted."""
        return int(self._by_logit.sum())

    def values(self) -> dict[str, float]:
        """Metric → value; those that need both labels are left out until both were seen.

        Ranges: `auc` and `base_rate` 0 to 1, `ece` 0 to 1, `brier` 0 to 1, `log_loss` from 0 up, in nats.
        """
        negatives, positives = self._by_logit
        n = self.points
        if n == 0:
            return {}
        count, predicted, converted = self._ece
        values = {
            "log_loss": self._log_loss / n,
            "brier": self._brier / n,
            "ece": float(np.abs(predicted - converted).sum() / count.sum()),
            "base_rate": float(positives.sum() / n),
        }
        if positives.sum() and negatives.sum():
            below = np.cumsum(negatives) - negatives
            values["auc"] = float((positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum()))
        return values

    def to_bytes(self) -> bytes:
        """A version and the counts; empty bins cost nothing."""
        filled = np.flatnonzero(self._by_logit)
        counts = self._by_logit.ravel()[filled]
        fields = [VERSION, filled.astype("<u2").tobytes(), counts.astype("<i8").tobytes(), self._ece.tobytes(), self._log_loss, self._brier]
        return bytes(msgpack.packb(fields))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Prequential":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, filled, counts, ece, log_loss, brier = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"metrics of version {version}, this release reads {VERSION}")
        metrics = cls()
        metrics._by_logit.ravel()[np.frombuffer(filled, "<u2")] = np.frombuffer(counts, "<i8")
        metrics._ece = np.frombuffer(ece, "<f8").reshape(3, ECE_BINS).copy()
        metrics._log_loss, metrics._brier = log_loss, brier
        return metrics
