"""A vector whose bytes do not depend on the order of its features."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.features.vector import VERSION, FeatureVector

Array = npt.NDArray[Any]


def in_order(vector: FeatureVector) -> bytes:
    """The vector as `FeatureVector.to_bytes` writes it, its sparse features by id; those of one id stay in their order."""
    n = len(vector.ids)
    ids, values = np.empty(n, np.uint64), np.empty(n, np.float32)
    sort(vector.ids, vector.values, ids, values)
    return b"".join((VERSION, vector.dense.tobytes(), ids.tobytes(), values.tobytes()))


@numba.njit(cache=True)
def sort(ids: Array, values: Array, to_ids: Array, to_values: Array) -> None:
    """Write sparse features by id; those of one id stay in their order."""
    # by insertion: some twenty features, most of them in the order of the vector before
    for i in range(ids.shape[0]):
        at = i
        while at > 0 and to_ids[at - 1] > ids[i]:
            to_ids[at], to_values[at] = to_ids[at - 1], to_values[at - 1]
            at -= 1
        to_ids[at], to_values[at] = ids[i], values[i]
