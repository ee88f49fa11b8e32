"""Feature vectors as a matrix: which sparse features become columns, and where."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from models.features.registry import WIDTH
from models.features.vector import LOW, VERSION, FeatureVector, vector_from_bytes

Array = npt.NDArray[Any]

CATEGORY_COLUMNS = 256
"""Categories that become columns, the most frequent first: a category with a million values costs no more than this."""
NUMBER_COLUMNS = 128
SUPPORT = 10
"""Vectors that must have a feature before it becomes a column: below, trees could only learn it by heart."""
LARGEST = 1e6
"""Numbers are logarithms and counts: beyond is infinity, and told as this."""
NEARLY_ZERO = 1e-30
"""LightGBM takes numbers up to 1e-35 for 0, onnxruntime does not: none so small reach them."""


class FeatureVectors(NamedTuple):
    """n feature vectors: dense float32 (n, WIDTH), sparse features end to end, vector i's end at `ends[i]`."""

    dense: Array
    ids: Array
    values: Array
    ends: Array

    @classmethod
    def of(cls, vectors: list[bytes]) -> "FeatureVectors":
        """Vectors from their bytes.

        Raises
        ------
        PoisonRecordError
            One of them is no vector of this release.
        """
        return cls.stacked([vector_from_bytes(vector) for vector in vectors])

    @classmethod
    def stacked(cls, vectors: Sequence[FeatureVector]) -> "FeatureVectors":
        """Vectors one after the other."""
        if not vectors:
            return cls(np.empty((0, WIDTH), np.float32), np.empty(0, np.uint64), np.empty(0, np.float32), np.empty(0, np.int64))
        return cls(
            np.stack([vector.dense for vector in vectors]),
            np.concatenate([vector.ids for vector in vectors]),
            np.concatenate([vector.values for vector in vectors]),
            np.cumsum([len(vector.ids) for vector in vectors]),
        )

    def take(self, rows: Array) -> "FeatureVectors":
        """Some of the vectors, in the order asked for."""
        lengths = np.diff(self.ends, prepend=0)
        starts = self.ends - lengths
        wanted = lengths[rows]
        ends = np.cumsum(wanted)
        at = np.repeat(starts[rows] - (ends - wanted), wanted) + np.arange(int(wanted.sum()))
        return FeatureVectors(self.dense[rows], self.ids[at], self.values[at], ends)

    def trimmed(self) -> "FeatureVectors":
        """Without the room behind the last vector's features."""
        end = int(self.ends[-1]) if len(self.ends) else 0
        return FeatureVectors(self.dense, self.ids[:end], self.values[:end], self.ends)

    def with_number(self, feature_id: int, numbers: Array) -> "FeatureVectors":
        """The vectors with one more number each, of shape (n,), as their last sparse feature."""
        n = len(self.ends)
        room = (int(self.ends[-1]) if n else 0) + n
        ids, values, ends = np.empty(room, np.uint64), np.empty(room, np.float32), np.empty(n, np.int64)
        # as a numpy number: compiled code takes 80 µs to see what a Python integer of 64 bits is
        _insert(self.ids, self.values, self.ends, np.uint64(feature_id), numbers, ids, values, ends)
        return FeatureVectors(self.dense, ids, values, ends)

    def one(self, i: int) -> FeatureVector:
        """Vector i."""
        start, end = int(self.ends[i - 1]) if i else 0, int(self.ends[i])
        return FeatureVector(self.dense[i], self.ids[start:end], self.values[start:end])

    def to_bytes(self) -> list[bytes]:
        """Every vector as `FeatureVector.to_bytes` writes it, cut from the whole: a third of the time of one by one."""
        dense, ids, values = self.dense.tobytes(), self.ids.tobytes(), self.values.tobytes()
        width = 4 * WIDTH
        encoded = []
        start = at = 0
        for sparse_end in self.ends.tolist():
            end = sparse_end
            encoded.append(b"".join((VERSION, dense[at : at + width], ids[8 * start : 8 * end], values[4 * start : 4 * end])))
            start, at = end, at + width
        return encoded

    def __len__(self) -> int:
        return len(self.ends)


class Columns(NamedTuple):
    """The sparse features that have a column, by ascending id; the dense features' columns come before them, by position."""

    ids: Array

    @classmethod
    def chosen(cls, vectors: FeatureVectors, *, without: frozenset[int] = frozenset()) -> "Columns":
        """The most frequent features of a batch, within the limits of this module.

        Parameters
        ----------
        vectors
            What the trees will be trained on.
        without
            Ids that get no column, such as the base's own logit.
        """
        ids, counts = np.unique(vectors.ids, return_counts=True)
        common = (counts >= SUPPORT) & ~np.isin(ids, list(without))
        ids, counts = ids[common], counts[common]
        kept = [
            ids[of_kind][np.argsort(-counts[of_kind], kind="stable")[:limit]]
            for of_kind, limit in ((is_category(ids), CATEGORY_COLUMNS), (~is_category(ids), NUMBER_COLUMNS))
        ]
        return cls(np.sort(np.concatenate(kept)))

    @property
    def width(self) -> int:
        """How many columns there are."""
        return WIDTH + len(self.ids)

    def feature(self, column: int) -> int:
        """The feature of a column, as one number: a sparse one's id, or -1 - i for dense feature i."""
        return -1 - column if column < WIDTH else int(self.ids[column - WIDTH])

    def matrix(self, vectors: FeatureVectors) -> npt.NDArray[np.float32]:
        """float32 (n, width): an absent category is 0, an absent number NaN, and so is one that is not finite."""
        matrix = np.empty((len(vectors), self.width), np.float32)
        _fill(matrix, vectors.dense, vectors.ids, vectors.values, vectors.ends, self.ids)
        return matrix


def is_category(ids: Array) -> npt.NDArray[np.bool_]:
    """Which of these ids stand for a category; the others are numbers."""
    return np.asarray((np.asarray(ids, np.uint64) & np.uint64(LOW)) != 0)


@numba.njit(cache=True)
def _fill(matrix: Array, dense: Array, ids: Array, values: Array, ends: Array, columns: Array) -> None:
    begin = 0
    for i in range(matrix.shape[0]):
        row = matrix[i]
        for c in range(WIDTH):
            row[c] = cleaned(dense[i, c])
        for c in range(columns.shape[0]):
            row[WIDTH + c] = 0.0 if columns[c] & np.uint64(LOW) != np.uint64(0) else np.nan
        for j in range(begin, ends[i]):
            low, high = 0, columns.shape[0]
            while low < high:
                middle = (low + high) // 2
                if columns[middle] < ids[j]:
                    low = middle + 1
                else:
                    high = middle
            if low < columns.shape[0] and columns[low] == ids[j]:
                row[WIDTH + low] = cleaned(values[j])
        begin = ends[i]


@numba.njit(cache=True)
def cleaned(value: float) -> float:
    """What a tree is shown of a number: NaN of one that is not finite, 0 of one that is nearly 0."""
    if not math.isfinite(value):
        return math.nan
    return value if abs(value) >= NEARLY_ZERO else 0.0


@numba.njit(cache=True)
def _insert(ids: Array, values: Array, ends: Array, feature_id: int, numbers: Array, to_ids: Array, to_values: Array, to_ends: Array) -> None:
    begin = at = 0
    for i in range(ends.shape[0]):
        for j in range(begin, ends[i]):
            to_ids[at], to_values[at] = ids[j], values[j]
            at += 1
        to_ids[at], to_values[at] = feature_id, numbers[i]
        at += 1
        begin, to_ends[i] = ends[i], at
