"""A vector as the learner sees it: what each attribute says, and the weights that this calls on. Compiled, shared by learner and scorer."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.features.registry import CLOCK, WIDTH
from models.features.vector import ABSENT, EACH, HEAD, LOW, VERSION
from models.learning.prefetching import prefetch
from models.learning.table import find, mixed

Array = npt.NDArray[Any]

BINS = 16
EDGES = BINS - 1
CLIP = 5.0
"""Standardised numbers are held within ±5 deviations."""
NEIGHBOUR = 0.5
"""A number speaks for its own bin in full and for the two beside it by half: neighbours learn from each other, which a new tenant needs."""
FAR = 1e6
"""Numbers are held within ±1e6: they are logarithms and counts, and beyond is infinity."""
_VERSION = VERSION[0]
MISSING, NUMBER, CATEGORY = 0, 1, 2
VARIES, MARKED = 1, 2
"""Flags of an attribute: it has said more than one thing; it is missing often enough, and not always, for its absence to be told apart."""
VALUES = 1_000
"""Values of one attribute that get weights of their own; the rest shares BUCKETS of them."""
BUCKETS = 64

SALT_NUMBER = 0x9E3779B97F4A7C15
SALT_BIN = 0xC2B2AE3D27D4EB4F
SALT_VALUE = 0x165667B19E3779F9
SALT_BUCKET = 0x27D4EB2F165667C5
SALT_CROSS = 0x85EBCA77C2B2AE63


@numba.njit(cache=True)
def is_current(data: bytes) -> bool:
    """Whether a vector's bytes are as `FeatureVector.to_bytes` writes them."""
    return len(data) >= HEAD and data[0] == _VERSION and (len(data) - HEAD) % EACH == 0


@numba.njit(cache=True)
def unpacked(data: Array, begin: int, end: int) -> tuple[Array, Array, Array]:
    """Dense numbers, ids and values of a vector that stands from `begin` to `end` (exclusive) in bytes, as `FeatureVector.to_bytes` writes them."""
    n = (end - begin - HEAD) // EACH
    dense, ids, values = np.empty(WIDTH, np.float32), np.empty(n, np.uint64), np.empty(n, np.float32)
    at = begin + HEAD
    dense.view(np.uint8)[:] = data[begin + 1 : at]
    ids.view(np.uint8)[:] = data[at : at + 8 * n]
    values.view(np.uint8)[:] = data[at + 8 * n : end]
    return dense, ids, values


@numba.njit(cache=True)
def read_vector(
    dense: Array,
    ids: Array,
    values: Array,
    start: int,
    end: int,
    attribute_keys: Array,
    attribute_places: Array,
    said: Array,
    number: Array,
    token: Array,
    place: Array,
) -> None:
    """What each known attribute says, in the attributes' own order: the order of features in the vector changes nothing.

    Parameters
    ----------
    dense, ids, values, start, end
        One vector: its dense numbers, and its part of the sparse ones.
    attribute_keys, attribute_places
        Table of the known attributes, by the upper half of their ids.
    said, number, token, place
        Written, by attribute: MISSING, NUMBER or CATEGORY; the number; the lower half of the category's id; where in the vector it stands.
    """
    for g in range(said.shape[0]):
        said[g] = MISSING
        number[g] = 0.0
        token[g] = np.uint64(ABSENT)
        place[g] = -1
    for g in range(min(WIDTH, said.shape[0])):
        if not math.isnan(dense[g]):
            said[g] = NUMBER
            number[g] = min(max(np.float64(dense[g]), -FAR), FAR)
            place[g] = g
    for j in range(start, end):
        g = find(attribute_keys, attribute_places, mixed(ids[j] >> np.uint64(32)))
        if g < 0:
            continue
        low = ids[j] & np.uint64(LOW)
        if low != np.uint64(0):
            said[g] = CATEGORY
            token[g] = low
            place[g] = WIDTH + j - start
        elif not math.isnan(values[j]):
            said[g] = NUMBER
            number[g] = min(max(np.float64(values[j]), -FAR), FAR)
            place[g] = WIDTH + j - start


@numba.njit(cache=True)
def _call(key: int, value: float, g: int, inputs: Array, groups: Array, wanted: Array, n: int) -> int:
    inputs[n] = value
    groups[n] = g
    wanted[n] = key
    return n + 1


@numba.njit(cache=True)
def _find_all(
    keys: Array, places: Array, wanted: Array, groups: Array, plain: int, n: int, said: Array, token: Array, attributes: Array, columns: Array
) -> None:
    # all are asked for before the first is looked up: hardly any of the table is in the cache.
    # A feature without a weight yet stands at column -1: the scorer leaves it out, the learner may make room for it
    mask = np.uint64(keys.shape[0] - 1)
    for i in range(1, n):
        prefetch(keys, np.int64(wanted[i] & mask))
        prefetch(places, np.int64(wanted[i] & mask))
    for i in range(1, n):
        columns[i] = find(keys, places, wanted[i])
        if columns[i] < 0 and i < plain and said[groups[i]] == CATEGORY:
            attribute = np.uint64(attributes[groups[i]]) << np.uint64(32)
            bucket = mixed((attribute | (token[groups[i]] % np.uint64(BUCKETS))) ^ np.uint64(SALT_BUCKET))
            columns[i] = find(keys, places, bucket)


@numba.njit(cache=True)
def _call_number(
    value: float,
    g: int,
    attribute: int,
    mean: float,
    scale: float,
    edges: Array,
    inputs: Array,
    groups: Array,
    wanted: Array,
    n: int,
) -> tuple[Any, int]:
    if scale > 0.0:
        standard = min(max((value - mean) * scale, -CLIP), CLIP)
        n = _call(mixed(attribute ^ np.uint64(SALT_NUMBER)), standard, g, inputs, groups, wanted, n)
    bin_at = 0
    while bin_at < edges.shape[0] and value > edges[bin_at]:
        bin_at += 1
    if edges.shape[0] > 0:
        for beside in range(max(bin_at - 1, 0), min(bin_at + 1, edges.shape[0]) + 1):
            share = 1.0 if beside == bin_at else NEIGHBOUR
            n = _call(mixed((attribute | np.uint64(beside)) ^ np.uint64(SALT_BIN)), share, g, inputs, groups, wanted, n)
    return np.uint64(2 + bin_at), n


@numba.njit(cache=True)
def encode(
    said: Array,
    number: Array,
    token: Array,
    attributes: Array,
    flags: Array,
    mean: Array,
    scale: Array,
    edge_count: Array,
    edges: Array,
    context: int,
    with_clock: bool,
    keys: Array,
    places: Array,
    columns: Array,
    inputs: Array,
    groups: Array,
    wanted: Array,
) -> tuple[int, int]:
    """The weights that a vector calls on: its features first, from there on its crosses.

    A number gives its standardised value and its bin, a category its value, an attribute that is sometimes missing its absence. An
    attribute that has always said the same gives nothing. With a context, the context's value is crossed with what every other
    attribute says.

    Parameters
    ----------
    said, number, token
        From `read_vector`; `token` becomes what each attribute says in one number, as crosses count it.
    attributes, flags, mean, scale, edge_count, edges
        By attribute: upper half of its ids, flags, moments, and its bins' edges.
    context
        The attribute that is crossed with all others; -1: none.
    with_clock
        Whether the hour and the day of the week count.
    keys, places
        Table of the weights' columns.
    columns, inputs, groups, wanted
        Written: column of each feature, -1 where there is none yet; its value; its attribute (-1: the bias); its key.

    Returns
    -------
    How many features there are without crosses, and with them.
    """
    columns[0] = 0
    inputs[0] = 1.0
    groups[0] = -1
    wanted[0] = np.uint64(0)
    n = 1
    for g in range(said.shape[0]):
        if flags[g] & VARIES == 0 or (CLOCK[0] <= g < CLOCK[1] and not with_clock):
            token[g] = np.uint64(0)
            continue
        attribute = np.uint64(attributes[g]) << np.uint64(32)
        if said[g] == NUMBER:
            token[g], n = _call_number(number[g], g, attribute, mean[g], scale[g], edges[g, : edge_count[g]], inputs, groups, wanted, n)
        elif said[g] == CATEGORY:
            key = mixed((attribute | token[g]) ^ np.uint64(SALT_VALUE))
            n = _call(key, 1.0, g, inputs, groups, wanted, n)
        elif flags[g] & MARKED:
            key = mixed((attribute | np.uint64(ABSENT)) ^ np.uint64(SALT_VALUE))
            n = _call(key, 1.0, g, inputs, groups, wanted, n)
        else:
            token[g] = np.uint64(0)
    crosses_from = n
    if context >= 0 and token[context] != np.uint64(0):
        with_value = mixed((np.uint64(attributes[context]) << np.uint64(32) | token[context]) ^ np.uint64(SALT_CROSS))
        for g in range(said.shape[0]):
            if g != context and token[g] != np.uint64(0):
                key = mixed((np.uint64(attributes[g]) << np.uint64(32) | token[g]) ^ with_value)
                n = _call(key, 1.0, g, inputs, groups, wanted, n)
    _find_all(keys, places, wanted, groups, crosses_from, n, said, token, attributes, columns)
    return crosses_from, n


@numba.njit(cache=True)
def room_for(attributes: int) -> int:
    """Features that `encode` gives at most, for so many attributes: the bias, four for each, and a cross."""
    return 1 + 5 * attributes
