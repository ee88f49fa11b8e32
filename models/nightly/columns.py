"""Feature vectors as a matrix: which sparse features become columns, and where."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.features.registry import WIDTH
from models.features.vector import LOW, FeatureVector, vector_from_bytes

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
        dense, ids, values, ends = self.trimmed()
        return FeatureVectors(
            dense,
            np.insert(ids, ends, np.uint64(feature_id)),
            np.insert(values, ends, numbers.astype(np.float32)),
            ends + np.arange(1, len(ends) + 1),
        )

    def one(self, i: int) -> FeatureVector:
        """Vector i."""
        start, end = int(self.ends[i - 1]) if i else 0, int(self.ends[i])
        return FeatureVector(self.dense[i], self.ids[start:end], self.values[start:end])

    def value_at(self, i: int, place: int) -> float:
        """What stands at a place of vector i, dense features first; a finite number."""
        start = int(self.ends[i - 1]) if i else 0
        value = float(self.dense[i, place] if place < WIDTH else self.values[start + place - WIDTH])
        return 0.0 if math.isnan(value) else min(max(value, -LARGEST), LARGEST)

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
        n = len(vectors)
        matrix = np.empty((n, self.width), np.float32)
        matrix[:, :WIDTH] = vectors.dense
        matrix[:, WIDTH:] = np.where(is_category(self.ids), np.float32(0.0), np.float32(np.nan))
        if len(self.ids) and len(vectors.ids):
            at = np.minimum(np.searchsorted(self.ids, vectors.ids), len(self.ids) - 1)
            met = self.ids[at] == vectors.ids
            rows = np.repeat(np.arange(n), np.diff(vectors.ends, prepend=0))
            matrix[rows[met], WIDTH + at[met]] = vectors.values[met]
        return cleaned(matrix)


def is_category(ids: Array) -> npt.NDArray[np.bool_]:
    """Which of these ids stand for a category; the others are numbers."""
    return np.asarray((np.asarray(ids, np.uint64) & np.uint64(LOW)) != 0)


def cleaned(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The matrix, changed in place: what is not finite is NaN, and what is nearly 0 is 0."""
    matrix[~np.isfinite(matrix)] = np.nan
    matrix[np.abs(matrix) < NEARLY_ZERO] = 0.0
    return matrix
