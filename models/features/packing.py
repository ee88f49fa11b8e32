"""A kept vector in fewer bytes, to the bit: attributes by their place in a table of the lead's, usual numbers in a byte."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.features.registry import WIDTH
from models.features.vector import VERSION
from schemas.errors import FatalError

PACKED = 0
"""First byte of a packed vector: no vector's version."""
PLACES = 127
"""Attributes in a lead's table at most; what else its vectors have is written out. A place takes seven bits."""
LONGEST = 255
"""Sparse features of a vector that is packed at most; a longer one stays as it is."""

Names = npt.NDArray[np.uint32]
Array = npt.NDArray[Any]

NO_NAMES: Names = np.zeros(0, np.uint32)
USUAL = np.unique(np.concatenate([np.log1p(np.arange(202.0)), np.arange(1.0, 55.0)]).astype(np.float32)).view(np.uint32).astype(np.int64)
"""Numbers that most features say, as the bits of single precision, in rising order: logarithms of small counts, and small counts."""
assert len(USUAL) <= 256, "a code is a byte"

_ELSEWHERE, _IS_CATEGORY = PLACES, 128
_ONE = int(np.float32(1.0).view(np.uint32))
_HEAD, _IDS = 2, 1 + 4 * WIDTH


def pack(vectors: Sequence[bytes], leads: Sequence[int], is_first: Sequence[bool], names: Sequence[Names]) -> tuple[list[bytes], list[Names]]:
    """Vectors in fewer bytes, and their leads' tables with the attributes that were new to them.

    Parameters
    ----------
    vectors
        As `FeatureVector.to_bytes` writes them, in order; of another version, one stays as it is.
    leads
        Of each vector, its lead's place in `names`.
    is_first
        Of each vector, whether no older one is kept of its lead: its table begins anew.
    names
        Of each lead, the upper halves of ids that its other vectors have, each once; not changed.
    """
    ends = np.cumsum([len(vector) for vector in vectors])
    tables = np.empty((len(names), PLACES), np.uint32)
    before = [len(table) for table in names]
    for lead, table in enumerate(names):
        tables[lead, : before[lead]] = table
    after = np.array(before)
    # at most a byte more for each sparse feature, and a bit for each number
    packed = np.empty(int(ends[-1]) * 2 + 64 * len(vectors), np.uint8)
    packed_ends = np.empty(len(vectors), np.int64)
    _pack_all(np.frombuffer(b"".join(vectors), np.uint8), ends, np.array(leads), np.array(is_first), tables, after, packed, packed_ends)
    starts = [0, *packed_ends.tolist()]
    data = packed[: starts[-1]].tobytes()
    is_new = {lead for lead, first in zip(leads, is_first, strict=True) if first}
    return (
        [data[start:end] for start, end in pairwise(starts)],
        [tables[lead, :count].copy() if count != before[lead] or lead in is_new else names[lead] for lead, count in enumerate(after.tolist())],
    )


def unpack(packed: bytes, names: Names) -> bytes:
    """The vector that `pack` was given, by the table that it gave, or by one that has grown since.

    Raises
    ------
    FatalError
        It is not whole, or of another table.
    """
    if packed[:1] != b"\x00":
        return packed
    vector = np.empty(_IDS + 12 * (packed[1] if len(packed) > 1 else 0), np.uint8)
    if not _unpack(np.frombuffer(packed, np.uint8), names, vector):
        raise FatalError(f"no packed vector of this lead: {len(packed)} bytes, {len(names)} attributes in its table")
    return vector.tobytes()


@numba.njit(cache=True)
def _word(data: Array, at: int) -> Any:
    # of bytes that are not there it is 0: who reads beyond the end finds out by where it came
    word = np.int64(0)
    if at + 4 <= data.shape[0]:
        for k in range(4):
            word |= np.int64(data[at + k]) << (8 * k)
    return word


@numba.njit(cache=True)
def _put(data: Array, at: int, word: int) -> Any:
    for k in range(4):
        data[at + k] = (word >> (8 * k)) & 255
    return at + 4


@numba.njit(cache=True)
def _usual(word: int) -> Any:
    at = np.searchsorted(USUAL, word)
    return at if at < USUAL.shape[0] and USUAL[at] == word else -1


@numba.njit(cache=True)
def _put_number(data: Array, j: int, at: int, word: int) -> Any:
    code = _usual(word)
    if code < 0:
        return _put(data, at, word)
    data[_HEAD + j // 8] |= np.uint8(1 << (j % 8))
    data[at] = code
    return at + 1


@numba.njit(cache=True)
def _place(names: Array, known: int, name: int, start: int) -> int:
    # vectors of a lead have most attributes in the same order: begin behind the one before
    for step in range(known):
        at = (start + step) % known
        if names[at] == name:
            return at
    return -1


@numba.njit(cache=True)
def _pack(vector: Array, sparse: int, names: Array, known: int, packed: Array) -> tuple[int, int]:
    # PACKED; how many are sparse; a bit for each number that is a usual one; a byte for each attribute's place; then the rest in order
    places = _HEAD + (WIDTH + sparse + 7) // 8
    at = places + sparse
    packed[:at] = 0
    packed[0] = PACKED
    packed[1] = sparse
    for j in range(WIDTH):
        at = _put_number(packed, j, at, _word(vector, 1 + 4 * j))
    before = -1
    for j in range(sparse):
        low, name = _word(vector, _IDS + 8 * j), _word(vector, _IDS + 8 * j + 4)
        number = _word(vector, _IDS + 8 * sparse + 4 * j)
        place = _place(names, known, name, before + 1)
        if place < 0 and known < PLACES:
            names[known] = name
            place = known
            known += 1
        if place < 0:
            at = _put(packed, at, name)
            place = _ELSEWHERE
        else:
            before = place
        if low == 0:
            packed[places + j] = place
            at = _put_number(packed, WIDTH + j, at, number)
            continue
        packed[places + j] = place | _IS_CATEGORY
        at = _put(packed, at, low)
        if number == _ONE:
            packed[_HEAD + (WIDTH + j) // 8] |= np.uint8(1 << ((WIDTH + j) % 8))
        else:
            at = _put(packed, at, number)
    return at, known


@numba.njit(cache=True)
def _pack_all(vectors: Array, ends: Array, leads: Array, is_first: Array, tables: Array, known: Array, packed: Array, packed_ends: Array) -> None:
    start = at = 0
    for i in range(ends.shape[0]):
        vector, lead = vectors[start : ends[i]], leads[i]
        start = ends[i]
        if is_first[i]:
            known[lead] = 0
        sparse = (vector.shape[0] - _IDS) // 12
        if vector.shape[0] < _IDS or vector[0] != VERSION[0] or sparse > LONGEST:
            packed[at : at + vector.shape[0]] = vector
            at += vector.shape[0]
        else:
            length, known[lead] = _pack(vector, sparse, tables[lead], known[lead], packed[at:])
            at += length
        packed_ends[i] = at


@numba.njit(cache=True)
def _unpack(packed: Array, names: Array, vector: Array) -> Any:
    length = packed.shape[0]
    sparse = (vector.shape[0] - _IDS) // 12
    places = _HEAD + (WIDTH + sparse + 7) // 8
    at = places + sparse
    if at > length:
        return False
    vector[0] = VERSION[0]
    for j in range(WIDTH + sparse):
        is_usual = packed[_HEAD + j // 8] >> (j % 8) & 1
        number_at = 1 + 4 * j
        low = 0
        if j >= WIDTH:
            place = packed[places + j - WIDTH]
            id_at = _IDS + 8 * (j - WIDTH)
            number_at = _IDS + 8 * sparse + 4 * (j - WIDTH)
            if place & PLACES == _ELSEWHERE:
                name = _word(packed, at)
                at += 4
            elif place & PLACES < names.shape[0]:
                name = np.int64(names[place & PLACES])
            else:
                return False
            if place & _IS_CATEGORY:
                low = _word(packed, at)
                at += 4
            _put(vector, id_at, low)
            _put(vector, id_at + 4, name)
            if place & _IS_CATEGORY and is_usual:
                _put(vector, number_at, _ONE)
                continue
        if not is_usual:
            _put(vector, number_at, _word(packed, at))
            at += 4
        elif at < length and packed[at] < USUAL.shape[0]:
            _put(vector, number_at, USUAL[packed[at]])
            at += 1
        else:
            return False
    return at == length
