"""The nightly base as a value: versioned bytes that give a batch its logits."""

import math
from functools import cached_property

import msgpack
import numpy as np
import numpy.typing as npt

from models.nightly.columns import Columns, FeatureVectors
from models.nightly.session import Session, logistic
from models.nightly.trees import Pair
from schemas.errors import PoisonRecordError

VERSION = 2
LOWEST, HIGHEST = 0.003, 0.997
"""A base is never surer than this: what trees say beyond rests on a handful of leads."""
LOGIT_LIMIT = math.log(HIGHEST / (1 - HIGHEST))


class NightlyBase:
    """Trees of one night.

    Parameters
    ----------
    trained_at
        Event time in ms: labels known after it were not used.
    examples
        How many matured examples it was trained on.
    columns
        Which features it reads; any others are passed over.
    pairs
        Features that its trees split together, the greatest gain first.
    onnx
        The trees.

    Raises
    ------
    PoisonRecordError
        The trees are no ONNX model, or want other columns.
    """

    def __init__(self, *, trained_at: int, examples: int, columns: Columns, pairs: list[Pair], onnx: bytes) -> None:
        self.trained_at = trained_at
        self.examples = examples
        self.columns = columns
        self.pairs = pairs
        self.onnx = onnx
        if self._session.width != columns.width:
            raise PoisonRecordError(f"trees of {self._session.width} columns, where there are {columns.width}")

    @cached_property
    def _session(self) -> Session:
        return Session(self.onnx)

    def logits(self, vectors: FeatureVectors) -> npt.NDArray[np.float64]:
        """Logits of n vectors, (n,), within ±LOGIT_LIMIT. Each is the same in whatever batch its vector comes."""
        raw = self._session.raw(self.columns.matrix(vectors))
        return np.asarray(np.minimum(np.maximum(raw, -LOGIT_LIMIT), LOGIT_LIMIT))

    def propensities(self, vectors: FeatureVectors) -> npt.NDArray[np.float64]:
        """Probabilities of converting in the whole window, (n,), within [LOWEST, HIGHEST]."""
        return logistic(self.logits(vectors))

    def to_bytes(self) -> bytes:
        """A version, then msgpack."""
        fields = [VERSION, self.trained_at, self.examples, self.columns.ids.astype("<u8").tobytes(), [list(pair) for pair in self.pairs], self.onnx]
        return bytes(msgpack.packb(fields))

    @classmethod
    def from_bytes(cls, data: bytes) -> "NightlyBase":
        """What `to_bytes` wrote.

        Raises
        ------
        PoisonRecordError
            No base, one of another version, or one that does not fit itself: scores go on without it.
        """
        try:
            version, trained_at, examples, ids, pairs, onnx = msgpack.unpackb(data)
            if version != VERSION:
                raise PoisonRecordError(f"a nightly base of version {version}, this release reads {VERSION}")
            columns = Columns(np.frombuffer(ids, "<u8"))
            together = [Pair(int(first), int(second), float(gain)) for first, second, gain in pairs]
            return cls(trained_at=int(trained_at), examples=int(examples), columns=columns, pairs=together, onnx=bytes(onnx))
        except (ValueError, TypeError, msgpack.UnpackException) as exc:
            raise PoisonRecordError(f"bytes that are no nightly base: {exc}") from exc
