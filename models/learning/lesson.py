"""One point's labels learned: read, observe, encode, make room, blame, step. Compiled as a whole, as it runs for every label."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.learning.belief import PLACES, give_places, revise
from models.learning.encoding import BUCKETS, CATEGORY, SALT_BUCKET, VALUES, encode, is_current, read_vector, room_for, unpacked
from models.learning.hazard_model import ATTRIBUTES, COLUMNS
from models.learning.held import Held
from models.learning.observing import observe
from models.learning.regression import ask_for, blame, learn_label
from models.learning.shares import blame_base
from models.learning.table import first_unknown, insert, mixed

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
    said, number, token, place = np.empty(count, np.uint8), np.empty(count), np.empty(count, np.uint64), np.empty(count, np.int64)
    columns, groups, inputs, wanted = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room), np.empty(room, np.uint64)
    read_vector(dense, ids, values, 0, ids.shape[0], attribute_keys, attribute_places, said, number, token, place)
    if first == 0:
        observe(said, number, token, observed, seen, said_first, counts, mean, squares, sample, edge_count, edges, flags, scale)
    plain, n = encode(
        said,
        number,
        token,
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
        token,
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
    ask_for(ftrl, columns, n, first)
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


@numba.njit(cache=True)
def learn_example(
    held: Held,
    features: bytes,
    hazards: bytes,
    event_id: bytes,
    context: int,
    with_clock: bool,
    used: int,
    believed: int,
    observed: int,
    first: int,
    last: int,
    is_converted: bool,
    is_final: bool,
) -> tuple[int, int]:
    """Learn what an example's labels say, but for the trials: one call, as what a call costs is more than most of what it does.

    Parameters
    ----------
    held
        What the learner holds; its arrays are changed in place.
    features
        The point's vector, as `FeatureVector.to_bytes` writes it.
    hazards
        As frozen in the example, doubles; empty: its score was another model's, and no expert is blamed.
    event_id
        Of the point's event.
    observed, first, last, is_converted
        As in `learn_point`.
    context, with_clock, used, believed
        What is in use, as in `learn_point`.
    is_final
        Whether this was the last label of the point.

    Returns
    -------
    Columns and places in the belief from now on. Columns of -1: the vector was written by another version, an attribute is new or there is
    no room, and nothing was changed; what is needed may be given only outside.
    """
    if not is_current(features):
        return -1, believed
    dense, ids, values = unpacked(np.frombuffer(features, np.uint8), 0, len(features))
    if _is_short(held, ids, used, believed):
        return -1, believed
    said = np.empty(len(hazards) // 8)
    as_bytes = said.view(np.uint8)
    for i in range(len(hazards)):
        as_bytes[i] = hazards[i]
    used, believed = learn_point(
        dense,
        ids,
        values,
        held.attribute_keys,
        held.attribute_places,
        held.attributes,
        held.flags,
        held.seen,
        held.first,
        held.counts,
        held.mean,
        held.squares,
        held.scale,
        held.values,
        held.edge_count,
        held.edges,
        held.sample,
        context,
        with_clock,
        held.column_keys,
        held.column_places,
        held.keys,
        held.groups,
        held.is_cross,
        held.sums,
        held.slots,
        used,
        COLUMNS,
        held.ftrl,
        held.rates,
        held.loss,
        held.belief,
        held.covariance,
        held.gains,
        held.taken,
        believed,
        said,
        observed,
        _draw(event_id),
        held.start,
        held.intervals,
        first,
        last,
        is_converted,
    )
    if is_final and said.shape[0] > 0:
        label = 1.0 if is_converted else 0.0
        blame_base(ids, values, said, held.loss, held.base_loss, held.base_sums, held.intervals, label)
    return used, believed


@numba.njit(cache=True)
def _draw(event_id: bytes) -> int:
    # FNV-1a, mixed: a hash of 32 bits
    draw = np.uint64(0xCBF29CE484222325)
    for i in range(len(event_id)):
        draw = (draw ^ np.uint64(event_id[i])) * np.uint64(0x100000001B3)
    return int(mixed(draw) >> np.uint64(32))


@numba.njit(cache=True)
def _is_short(held: Held, ids: Array, used: int, believed: int) -> bool:
    count = held.attributes.shape[0]
    room = room_for(count)
    wanted = min(used, COLUMNS) + room
    return bool(
        wanted > held.keys.shape[0]
        or 2 * wanted > held.column_keys.shape[0]
        or min(believed + room, PLACES) > held.belief.shape[0]
        or (count < ATTRIBUTES and first_unknown(ids, held.attribute_keys, held.attribute_places) >= 0)
    )
