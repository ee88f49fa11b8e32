"""One point's labels learned: read, observe, encode, make room, blame, step. Compiled as a whole, as it runs for every label."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.learning.belief import give_places, revise
from models.learning.encoding import BUCKETS, CATEGORY, SALT_BUCKET, VALUES, encode, read_vector, room_for
from models.learning.observing import observe
from models.learning.regression import blame, learn_label
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


@numba.njit(cache=True)
def learn_point(
    dense: Array,
    ids: Array,
    values: Array,
    said: Array,
    number: Array,
    token: Array,
    attribute_keys: Array,
    attribute_places: Array,
    attributes: Array,
    flags: Array,
    seen: Array,
    said_first: Array,
    counts: Array,
    mean: Array,
    squares: Array,
    scale: Array,
    columns_of: Array,
    edge_count: Array,
    edges: Array,
    sample: Array,
    context: int,
    with_clock: bool,
    column_keys: Array,
    column_places: Array,
    keys: Array,
    groups_of: Array,
    is_cross: Array,
    sums: Array,
    slots: Array,
    used: int,
    limit: int,
    ftrl: Array,
    rates: Array,
    loss: Array,
    belief: Array,
    covariance: Array,
    gains: Array,
    taken: Array,
    believed: int,
    hazards: Array,
    observed: int,
    draw: int,
    start: float,
    intervals: int,
    first: int,
    last: int,
    is_converted: bool,
) -> tuple[int, int]:
    """Learn the labels of the intervals `first` to `last` of one point; of its first interval, its vector counts too.

    The belief learns a lead's n-th point with chance 1/n, as it counts labels as independent, and those of one lead are not.

    Parameters
    ----------
    dense, ids, values
        The point's vector.
    said, number, token
        Written, as by `encoding.read_vector`; none of the tokens is changed by encoding here.
    attribute_keys, attribute_places, attributes, flags, seen, said_first, counts, mean, squares, scale, columns_of, edge_count, edges, sample
        By attribute: their table, and what was observed of them (`observing.observe`); `columns_of`: how many of its values have a column.
    context, with_clock
        As in `encoding.encode`.
    column_keys, column_places, keys, groups_of, is_cross, sums, slots, used, limit
        By column: their table, what they stand for (`make_room`), sums of inputs, places in the belief; how many there are, and may be.
    ftrl, rates, loss
        What `regression.learn_label` and `regression.blame` change.
    belief, covariance, gains, taken, believed
        What `belief.revise` changes, and places given so far.
    hazards
        As frozen in the example; empty: nobody is blamed.
    observed, draw
        Vectors observed so far, this one included; a hash of the event id, 32 bits.
    start, intervals, first, last, is_converted
        The logit before any label, K, and the labels: all are 0 but the last if the lead converted.

    Returns
    -------
    Columns, and places in the belief, afterwards.
    """
    count = attributes.shape[0]
    room = room_for(count)
    place, tokens = np.empty(count, np.int64), np.empty(count, np.uint64)
    columns, groups, inputs, wanted = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room), np.empty(room, np.uint64)
    read_vector(dense, ids, values, 0, ids.shape[0], attribute_keys, attribute_places, said, number, token, place)
    if first == 0:
        observe(said, number, token, observed, seen, said_first, counts, mean, squares, sample, edge_count, edges, flags, scale)
    tokens[:] = token
    plain, n = encode(
        said,
        number,
        tokens,
        attributes,
        flags,
        mean,
        scale,
        edge_count,
        edges,
        context,
        with_clock,
        column_keys,
        column_places,
        columns,
        inputs,
        groups,
        wanted,
    )
    used = make_room(
        columns,
        groups,
        wanted,
        plain,
        n,
        said,
        tokens,
        attributes,
        column_keys,
        column_places,
        keys,
        groups_of,
        is_cross,
        columns_of,
        used,
        limit,
    )
    if first == 0:
        count_inputs(sums, columns, inputs, n)
    is_drawn = draw * math.expm1(min(number[0], 20.0)) < 2.0**32
    if is_drawn:
        believed = give_places(slots, columns, n, believed)
    for interval in range(first, last + 1):
        label = 1.0 if is_converted and interval == last else 0.0
        if hazards.shape[0] > 0:
            blame(loss, hazards, intervals, interval, label)
        learn_label(ftrl, columns, inputs, n, interval, label, start, rates)
        if is_drawn:
            revise(belief, covariance, gains, taken, believed, slots, columns, inputs, n, interval, intervals, label, start)
    return used, believed
