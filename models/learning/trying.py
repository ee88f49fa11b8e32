"""Labels brought to the trials, several at once: what they have learned is in the processor's cache for all of them. Compiled."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from models.features.sorting import sort
from models.learning.encoding import encode, read_vector, room_for, unpacked
from models.learning.held import Held
from models.learning.trials import Burst, burst_for, choose, is_new, take_lesson, try_all

Array = npt.NDArray[Any]

AT_ONCE = 32
"""Points whose lessons wait for each other: what the trials know, 2 MB, is fetched anew for every burst, as nothing else needs it."""
_HEAD = 10


class Lesson(NamedTuple):
    """A label and the vector of its point, as `FeatureVector.to_bytes` writes it.

    It judges the trials unless its lead, a hash of 32 bits, has judged them before; with `is_taught` it teaches them.
    """

    is_taught: bool
    is_converted: bool
    lead: int
    features: bytes


def written(lessons: Sequence[Lesson]) -> bytes:
    """One behind the other, as `try_lessons` reads them."""
    return b"".join(
        part
        for one in lessons
        for part in (bytes((one.is_taught, one.is_converted)), one.lead.to_bytes(4, "little"), len(one.features).to_bytes(4, "little"), one.features)
    )


@numba.njit(cache=True)
def try_lessons(held: Held, lessons: bytes, context: int, with_clock: bool) -> tuple[int, bool]:
    """Teach and judge all trials, lesson by lesson, then choose.

    They are judged as they were when the score was made: what was known then is taught before, and this label later. Judged by what they
    foretell once the label is here, they would know of its day: whoever was met on it has taught them.

    Parameters
    ----------
    held
        What the learner holds; the trials and their gains are changed in place.
    lessons
        As `written` gives them.
    context, with_clock
        What is in use.

    Returns
    -------
    The context, and whether the clock is to count, from now on.
    """
    data, at, count = np.frombuffer(lessons, np.uint8), 0, 0
    begins = np.empty(data.shape[0] // _HEAD, np.int64)
    while at < data.shape[0]:
        if data[at] or is_new(held.taught, _number(data, at + 2)):
            begins[count] = at
            count += 1
        at += _HEAD + _number(data, at + 6)
    burst = burst_for(count, held.attributes.shape[0], room_for(held.attributes.shape[0]))
    for i in range(count):
        _read(held, data, begins[i], burst, i)
    try_all(held.tried, held.gain, held.contexts, burst, held.trial_start)
    context, with_clock = choose(held.gain, held.contexts, held.flags, held.values, context, with_clock)
    return context, with_clock


@numba.njit(cache=True)
def _number(data: Array, at: int) -> int:
    number = 0
    for i in range(4):
        number += int(data[at + i]) << (8 * i)
    return number


@numba.njit(cache=True)
def _read(held: Held, data: Array, begin: int, burst: Burst, at: int) -> None:
    count = held.attributes.shape[0]
    room = room_for(count)
    said, number, token, place = np.empty(count, np.uint8), np.empty(count), np.empty(count, np.uint64), np.empty(count, np.int64)
    columns, groups, inputs, wanted = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room), np.empty(room, np.uint64)
    # trials know features by their keys alone
    keys, places = np.zeros(1, np.uint64), np.zeros(1, np.int32)
    dense, ids, values = unpacked(data, begin + _HEAD, begin + _HEAD + _number(data, begin + 6))
    # in the order of their ids, as states keep them: of two things that an attribute says, the last counts
    ordered_ids, ordered_values = np.empty_like(ids), np.empty_like(values)
    sort(ids, values, ordered_ids, ordered_values)
    read_vector(dense, ordered_ids, ordered_values, 0, ids.shape[0], held.attribute_keys, held.attribute_places, said, number, token, place)
    plain, _ = encode(
        said,
        number,
        token,
        held.attributes,
        held.flags,
        held.mean,
        held.scale,
        held.edge_count,
        held.edges,
        -1,
        True,
        keys,
        places,
        columns,
        inputs,
        groups,
        wanted,
    )
    take_lesson(burst, at, token, wanted, inputs, groups, plain, held.attributes, np.float64(data[begin + 1]), not data[begin])
