"""A feature vector as bytes: dense values by position, sparse ones by id."""

import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.features.registry import WIDTH
from schemas.errors import PoisonRecordError

VERSION = b"\x01"
CATEGORICAL = 1
"""The lowest bit of a sparse id: set for a category that is present, clear for a number."""

Ids = npt.NDArray[np.uint32]
Values = npt.NDArray[np.float32]


class FeatureVector(NamedTuple):
    """Named floats at an instant.

    `dense` has `registry.WIDTH` values in the order of `registry.DENSE`. `ids` and `values` are parallel; an id is the CRC-32 of a name
    with its lowest bit for the kind. Values are single precision by definition: what is stored is what was scored.
    """

    dense: Values
    ids: Ids
    values: Values

    def to_bytes(self) -> bytes:
        """A version byte, then dense, ids and values, little-endian."""
        return b"".join((VERSION, self.dense.tobytes(), self.ids.tobytes(), self.values.tobytes()))


def vector_from_bytes(data: bytes) -> FeatureVector:
    """The vector that `FeatureVector.to_bytes` wrote.

    Raises
    ------
    PoisonRecordError
        An unknown version, or a length that no vector has.
    """
    sparse, left_over = divmod(len(data) - 1 - 4 * WIDTH, 8)
    if data[:1] != VERSION or sparse < 0 or left_over:
        raise PoisonRecordError(f"no feature vector of version {VERSION[0]}: {len(data)} bytes beginning {data[:1]!r}")
    dense = np.frombuffer(data, "<f4", WIDTH, 1)
    ids = np.frombuffer(data, "<u4", sparse, 1 + 4 * WIDTH)
    return FeatureVector(dense, ids, np.frombuffer(data, "<f4", sparse, 1 + 4 * WIDTH + 4 * sparse))


def categorical_id(name: str) -> int:
    """Id of a category, such as `channel=web`."""
    return zlib.crc32(name.encode()) | CATEGORICAL


def numeric_id(name: str) -> int:
    """Id of a number, such as `amount`."""
    return zlib.crc32(name.encode()) & ~CATEGORICAL


def digest(vector: bytes) -> int:
    """CRC-32 of a vector's bytes: two vectors that differ in a bit differ here, but for one in 4e9."""
    return zlib.crc32(vector)
