"""A feature vector as bytes: dense values by position, sparse ones by id."""

import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.features.registry import WIDTH
from schemas.errors import PoisonRecordError

VERSION = b"\x02"
LOW = 0xFFFFFFFF
"""Lower half of a sparse id: the value of a category, 0 for a number."""

ABSENT = 1
"""Lower half of the id that stands for the absence of an attribute."""

HEAD, EACH = 1 + 4 * WIDTH, 8 + 4
"""Bytes of a vector before its sparse features, and of each of them."""
_ID_BYTES = {VERSION: 8, b"\x01": 4}
_SINGLE, _ID = np.dtype("<f4"), np.dtype("<u8")  # to be read from its text each time, a type costs as much as the vector
Ids = npt.NDArray[np.uint64]
Values = npt.NDArray[np.float32]


class FeatureVector(NamedTuple):
    """Named floats at an instant.

    `dense` has `registry.WIDTH` values in the order of `registry.DENSE`. `ids` and `values` are parallel; the upper half of an id is the
    CRC-32 of the attribute's name, the lower that of the category's value, 0 for a number. Values are single precision by definition: what
    is stored is what was scored.
    """

    dense: Values
    ids: Ids
    values: Values

    def to_bytes(self) -> bytes:
        """A version byte, then dense, ids and values, little-endian."""
        return b"".join((VERSION, self.dense.tobytes(), self.ids.tobytes(), self.values.tobytes()))

    def without(self, feature_id: int) -> "FeatureVector":
        """The vector as if it had no such sparse feature."""
        kept = self.ids != np.uint64(feature_id)
        return self if kept.all() else FeatureVector(self.dense, self.ids[kept], self.values[kept])


def vector_from_bytes(data: bytes) -> FeatureVector:
    """The vector that `FeatureVector.to_bytes` wrote, of this version or the one before.

    Raises
    ------
    PoisonRecordError
        An unknown version, or a length that no vector has.
    """
    id_bytes = _ID_BYTES.get(data[:1])
    sparse, left_over = divmod(len(data) - 1 - 4 * WIDTH, (id_bytes or 8) + 4)
    if id_bytes is None or sparse < 0 or left_over:
        raise PoisonRecordError(f"no feature vector of version {VERSION[0]}: {len(data)} bytes beginning {data[:1]!r}")
    start = 1 + 4 * WIDTH
    dense, values = np.frombuffer(data, _SINGLE, WIDTH, 1), np.frombuffer(data, _SINGLE, sparse, start + id_bytes * sparse)
    if id_bytes == 4:
        return FeatureVector(dense, _widened(np.frombuffer(data, "<u4", sparse, start)), values)
    return FeatureVector(dense, np.frombuffer(data, _ID, sparse, start), values)


def _widened(ids: npt.NDArray[np.uint32]) -> Ids:
    # version 1 knew no attributes: a category, marked by its lowest bit, was its own
    wide = ids.astype(np.uint64)
    widened: Ids = (wide << np.uint64(32)) | np.where(wide & np.uint64(1), wide, np.uint64(0))
    return widened


def numeric_id(name: str) -> int:
    """Id of a number, such as `amount`."""
    return zlib.crc32(name.encode()) << 32


def categorical_id(name: str, value: str) -> int:
    """Id of a category, such as `channel`, `web`; its lower half is odd and above 1, as 0 means a number and 1 an absence."""
    low = zlib.crc32(f"{name}={value}".encode()) | 1
    return numeric_id(name) | (low if low > ABSENT else 3)


def dense_id(name: str) -> int:
    """Id under which a dense feature is learned."""
    return numeric_id(f"memory.{name}")


def digest(vector: bytes) -> int:
    """CRC-32 of a vector's bytes: two vectors that differ in a bit differ here, but for one in 4e9."""
    return zlib.crc32(vector)


PATTERN_MODEL = numeric_id("pattern model")
"""Id under which a vector carries the logit of the nightly base."""
