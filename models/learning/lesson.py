"""One label learned, from a vector already read: encode, make room, blame, try, step. Compiled as a whole, as it runs for every label."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.learning.encoding import BUCKETS, CATEGORY, SALT_BUCKET, VALUES
from models.learning.table import insert, mixed

Array = npt.NDArray[Any]


@numba.njit(cache=True)
def make_room(
    columns: Array,
    groups: Array,
    wanted: Array,
    plain: int,
    n: int,
    said: Array,
    token: Array,
    attributes: Array,
    keys: Array,
    places: Array,
    key_of: Array,
    group_of: Array,
    is_cross: Array,
    values: Array,
    used: int,
    limit: int,
) -> int:
    """Give columns to features that have none, as far as the limit allows; crosses leave half of it to the rest.

    Parameters
    ----------
    columns, groups, wanted, plain, n, said, token, attributes
        From `encoding.encode`; `columns` is completed in place.
    keys, places, key_of, group_of, is_cross
        The table of columns, and the key, attribute and kind of each; changed in place.
    values
        By attribute: how many of its values have a column; changed in place.
    used
        Columns so far.

    Returns
    -------
    Columns afterwards.
    """
    for i in range(n):
        if columns[i] >= 0 or used >= limit or (i >= plain and used >= limit // 2):
            continue
        g = groups[i]
        key = wanted[i]
        if i < plain and said[g] == CATEGORY:
            if values[g] >= VALUES:
                attribute = np.uint64(attributes[g]) << np.uint64(32)
                key = mixed((attribute | (token[g] % np.uint64(BUCKETS))) ^ np.uint64(SALT_BUCKET))
            values[g] += 1
        insert(keys, places, key, used)
        key_of[used] = key
        group_of[used] = g
        is_cross[used] = i >= plain
        columns[i] = used
        used += 1
    return used


@numba.njit(cache=True)
def count_inputs(sums: Array, columns: Array, inputs: Array, n: int) -> None:
    """Add a vector to the sums from which a feature's mean value is known."""
    for i in range(n):
        if columns[i] >= 0:
            sums[columns[i]] += inputs[i]
