"""A hash table in two arrays, for compiled code: key → position, never removed, open addressing."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Keys = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]


@numba.njit("uint64(uint64)", cache=True)
def mixed(key: int) -> Any:
    """A 64-bit key with every bit of it spread over all others; never 0.

    References
    ----------
    [^1]: The finalizer of MurmurHash3, A. Appleby.
    """
    bits = np.uint64(key)
    bits ^= bits >> np.uint64(33)
    bits *= np.uint64(0xFF51AFD7ED558CCD)
    bits ^= bits >> np.uint64(33)
    bits *= np.uint64(0xC4CEB9FE1A85EC53)
    bits ^= bits >> np.uint64(33)
    return bits if bits != np.uint64(0) else np.uint64(1)


@numba.njit("int64(uint64[::1], int32[::1], uint64)", cache=True)
def find(keys: Array, places: Array, key: int) -> Any:
    """Position of a key that is not 0; -1: not in the table."""
    mask = keys.shape[0] - 1
    at = np.int64(key & np.uint64(mask))
    while keys[at] != 0:
        if keys[at] == key:
            return np.int64(places[at])
        at = (at + 1) & mask
    return np.int64(-1)


@numba.njit(cache=True)
def first_unknown(ids: Array, keys: Array, places: Array) -> int:
    """Where the first feature stands whose attribute, the upper half of its id, is not in the table; -1: there is none."""
    for i in range(ids.shape[0]):
        if find(keys, places, mixed(ids[i] >> np.uint64(32))) < 0:
            return i
    return -1


@numba.njit("void(uint64[:], int32[:], uint64, int64)", cache=True)
def insert(keys: Array, places: Array, key: int, place: int) -> None:
    """Add a key that is not in the table yet; there must be room."""
    mask = keys.shape[0] - 1
    at = np.int64(key & np.uint64(mask))
    while keys[at] != 0:
        at = (at + 1) & mask
    keys[at] = key
    places[at] = np.int32(place)


@numba.njit("void(uint64[:], int32[:], uint64[:])", cache=True)
def insert_all(keys: Array, places: Array, wanted: Array) -> None:
    """Add keys that are not in the table yet, each with its position among them."""
    for i in range(wanted.shape[0]):
        insert(keys, places, wanted[i], i)


def attribute_table(attributes: Array) -> tuple[Keys, Places]:
    """Attribute → its position, by the upper half of its ids."""
    return table_of(np.array([mixed(one) for one in attributes.astype(np.uint64)], np.uint64))


def column_table(keys: Array, room: int = 0) -> tuple[Keys, Places]:
    """Key → column; `keys[0]` is that of the bias, which is looked up by nobody."""
    table, places = table_of(keys[1:], room)
    places += 1
    return table, places


def table_of(wanted: Array, room: int = 0) -> tuple[Keys, Places]:
    """A table of distinct keys that are not 0, at most a quarter full with them or with `room` of them."""
    size = 16
    while size < 4 * max(len(wanted), room):
        size *= 2
    keys, places = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    insert_all(keys, places, np.array(wanted, np.uint64))
    return keys, places
