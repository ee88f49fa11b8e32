"""Events of a batch, in order: each updates its lead's row and gives a feature vector. Compiled, as it runs for every event."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models import memory as m
from models.features.registry import DAY_LIFE_H, HOUR_LIFE_H, WEEK_LIFE_H, WIDTH
from models.features.vector import LOW, numeric_id

HOUR_MS = 3_600_000.0
DAY_MS = 86_400_000.0
LARGEST, LARGEST_LOG = 1e12, 27.0
"""Sums are held within ±1e12, and what is added to them below e to the 27: beyond is a mistake or infinity."""
SESSION_GAP_H = 0.5
"""A visit ends after half an hour of silence, as web analytics count it."""
LIFE_HOUR_MS, LIFE_DAY_MS, LIFE_WEEK_MS = HOUR_LIFE_H * HOUR_MS, DAY_LIFE_H * HOUR_MS, WEEK_LIFE_H * HOUR_MS
SPARSE = 7 + m.TYPE_SLOTS + 2 * m.CHANNEL_SLOTS + 2 * m.NUMBER_SLOTS
"""Sparse features that a memory gives at most: this type and channel, the type before, how often of late it did this, three of its stage;
a count for each type slot, two for each channel, a sum and the last value of each number."""

PREVIOUS_EVENT = numeric_id("previous_event")
"""Upper half of the ids that say which type of event came before."""
SALT_COUNT = 0x85EBCA6B
SALT_CHANNEL = 0xC2B2AE35
SALT_FADED = 0x27D4EB2F
SALT_SUM = 0x165667B1
SALT_LAST = 0x9E3779B1
TYPE_FADED, STAGE, STAGE_GAP, PACE = (numeric_id(f"memory.{name}") for name in ("type_decayed", "stage", "stage_gap", "pace"))

Array = npt.NDArray[Any]


@numba.njit("uint32(uint32, uint32)", cache=True)
def salted(feature_id: int, salt: int) -> np.uint32:
    """Another attribute of the same type: the lower half of its id times an odd constant (Knuth's multiplicative hash)."""
    return np.uint32((np.uint64(feature_id) * np.uint64(salt)) & np.uint64(0xFFFFFFFE))


@numba.njit(cache=True)
def _slot(row: Array, start: int, slots: int, fields: int, wanted: float) -> int:
    """Where this id's slot begins: its own, a free one, or the one not used for the longest time (its last field is a time)."""
    oldest = start
    for k in range(slots):
        at = start + k * fields
        if row[at] == wanted:
            return at
        if row[at] == 0.0:
            row[at] = wanted
            return at
        if row[at + fields - 1] < row[oldest + fields - 1]:
            oldest = at
    row[oldest : oldest + fields] = 0.0
    row[oldest] = wanted
    return oldest


@numba.njit(cache=True)
def _count(row: Array, slot: int, at: float, now: float) -> None:
    # one more of this type or channel; what it was fades with the mean life of the daily count
    faded = m.FADED + (slot - m.TYPES) // m.TYPE_FIELDS
    before = row[faded] * math.exp(-(now - row[slot + 2]) / LIFE_DAY_MS) if row[slot + 1] > 0.0 else 0.0
    row[faded] = before + math.exp(-(now - at) / LIFE_DAY_MS)
    row[slot + 1] += 1.0
    row[slot + 2] = now


@numba.njit(cache=True)
def _reach(row: Array, stage: float, at: float) -> None:
    if stage > row[m.STAGE]:
        row[m.STAGE] = stage
        row[m.STAGE_AT] = at


@numba.njit(cache=True)
def _remember(row: Array, at: float, type_id: float, channel_id: float, stage: float, dense: Array) -> float:
    is_first = row[m.COUNT] == 0.0
    if is_first:
        row[m.FIRST_AT] = at
        row[m.LAST_AT] = at
    elif at < row[m.FIRST_AT]:
        row[m.FIRST_AT] = at
    now = max(at, row[m.LAST_AT])
    elapsed = now - row[m.LAST_AT]
    late = now - at
    gap_h = elapsed / HOUR_MS
    row[m.COUNT] += 1.0
    row[m.MAX_GAP_H] = max(row[m.MAX_GAP_H], gap_h)
    row[m.DECAYED_HOUR] = row[m.DECAYED_HOUR] * math.exp(-elapsed / LIFE_HOUR_MS) + math.exp(-late / LIFE_HOUR_MS)
    row[m.DECAYED_DAY] = row[m.DECAYED_DAY] * math.exp(-elapsed / LIFE_DAY_MS) + math.exp(-late / LIFE_DAY_MS)
    row[m.DECAYED_WEEK] = row[m.DECAYED_WEEK] * math.exp(-elapsed / LIFE_WEEK_MS) + math.exp(-late / LIFE_WEEK_MS)
    if is_first or gap_h > SESSION_GAP_H:
        row[m.SESSIONS] += 1.0
        row[m.SESSION_EVENTS] = 0.0
    row[m.SESSION_EVENTS] += 1.0
    row[m.LAST_AT] = now

    of_type = _slot(row, m.TYPES, m.TYPE_SLOTS, m.TYPE_FIELDS, type_id)
    type_gap_h = 0.0 if row[of_type + 1] == 0.0 else max(at - row[of_type + 2], 0.0) / HOUR_MS
    _count(row, of_type, at, now)
    of_channel = _slot(row, m.CHANNELS, m.CHANNEL_SLOTS, m.CHANNEL_FIELDS, channel_id)
    _count(row, of_channel, at, now)
    _reach(row, stage, at)

    count = row[m.COUNT]
    age_h = (now - row[m.FIRST_AT]) / HOUR_MS
    types = 0
    for k in range(m.TYPE_SLOTS):
        if row[m.TYPES + k * m.TYPE_FIELDS] != 0.0:
            types += 1
    angle = 2.0 * math.pi * (at % DAY_MS) / DAY_MS
    dense[0] = math.log1p(count)
    dense[1] = math.log1p(age_h)
    dense[2] = math.log1p(gap_h)
    dense[3] = math.log1p(age_h / (count - 1.0)) if count > 1.0 else 0.0
    dense[4] = math.log1p(row[m.MAX_GAP_H])
    dense[5] = row[m.DECAYED_HOUR]
    dense[6] = row[m.DECAYED_DAY]
    dense[7] = row[m.DECAYED_WEEK]
    dense[8] = math.log1p(row[m.SESSION_EVENTS])
    dense[9] = math.log1p(row[m.SESSIONS])
    dense[10] = math.sin(angle)
    dense[11] = math.cos(angle)
    dense[12] = (math.floor(at / DAY_MS) + 3.0) % 7.0  # 1970-01-01 was a Thursday
    dense[13] = types
    dense[14] = math.log1p(row[of_type + 1])
    dense[15] = math.log1p(type_gap_h)
    dense[16] = math.log1p(row[of_channel + 1])
    return float(row[m.FADED + (of_type - m.TYPES) // m.TYPE_FIELDS])


@numba.njit(cache=True)
def _signed_log(value: float) -> float:
    return math.copysign(math.log1p(abs(value)), value)


@numba.njit(cache=True)
def _recall(row: Array, faded: float, ids: Array, values: Array, to: int) -> int:
    """Write what an older lead's memory says of its types, channels and stage; gives where the next feature goes."""
    now = row[m.LAST_AT]
    if row[m.STAGE] > 0.0:
        reached_h = max(row[m.STAGE_AT] - row[m.FIRST_AT], 0.0) / HOUR_MS
        ids[to], values[to] = np.uint64(STAGE), row[m.STAGE]
        ids[to + 1], values[to + 1] = np.uint64(STAGE_GAP), math.log1p(max(now - row[m.STAGE_AT], 0.0) / HOUR_MS)
        ids[to + 2], values[to + 2] = np.uint64(PACE), math.log1p(reached_h / row[m.STAGE])
        to += 3
    if row[m.COUNT] < 2.0:
        return to
    ids[to], values[to] = np.uint64(TYPE_FADED), faded
    to += 1
    for k in range(m.CHANNEL_SLOTS):
        slot = m.CHANNELS + k * m.CHANNEL_FIELDS
        if row[slot] == 0.0:
            break
        of = np.uint32(row[slot])
        ids[to], values[to] = np.uint64(salted(of, SALT_CHANNEL)) << np.uint64(32), math.log1p(row[slot + 1])
        ids[to + 1] = np.uint64(salted(of, SALT_FADED)) << np.uint64(32)
        values[to + 1] = row[m.FADED + m.TYPE_SLOTS + k] * math.exp(-(now - row[slot + 2]) / LIFE_DAY_MS)
        to += 2
    return to


@numba.njit(cache=True)
def _recall_numbers(row: Array, ids: Array, values: Array, to: int) -> int:
    """Write the sums and last values of the numbers that the lead's earlier events gave; gives where the next feature goes."""
    for k in range(m.NUMBER_SLOTS):
        slot = m.NUMBERS + k * m.NUMBER_FIELDS
        if row[slot] == 0.0:
            break
        of = np.uint32(row[slot])
        ids[to], values[to] = np.uint64(salted(of, SALT_SUM)) << np.uint64(32), _signed_log(row[slot + 1])
        ids[to + 1], values[to + 1] = np.uint64(salted(of, SALT_LAST)) << np.uint64(32), _signed_log(row[slot + 2])
        to += 2
    return to


@numba.njit(cache=True)
def _take_number(row: Array, of: float, value: float, at: float) -> None:
    slot = _slot(row, m.NUMBERS, m.NUMBER_SLOTS, m.NUMBER_FIELDS, of)
    row[slot + 1] = min(max(row[slot + 1] + value, -LARGEST), LARGEST)
    if at >= row[slot + 3]:
        row[slot + 2] = value
        row[slot + 3] = at


@numba.njit(cache=True)
def remember(
    memory_rows: Array,
    lead_of: Array,
    at: Array,
    type_ids: Array,
    channel_ids: Array,
    stages: Array,
    attribute_ids: Array,
    attribute_values: Array,
    attribute_ends: Array,
    number_starts: Array,
    dense: Array,
    ids: Array,
    values: Array,
    ends: Array,
    after: Array,
) -> None:
    """Update the leads' rows by n events in order, and write their vectors.

    Parameters
    ----------
    memory_rows
        float64 (leads, ROW_WIDTH), changed in place.
    lead_of, at, type_ids, channel_ids, stages
        For each event: its lead's row, its time in ms, the ids of its type and channel, whose lower halves the row keeps, and the funnel's
        stage that its type stands for, from 1; 0: none. Shape (n,).
    attribute_ids, attribute_values, attribute_ends, number_starts
        The events' own sparse features end to end; event i's end at `attribute_ends[i]`, its own numbers begin at `number_starts[i]`.
    dense
        float32 (n, WIDTH), written.
    ids, values, ends
        Sparse features end to end, written: room for SPARSE more than the attributes for each event; event i's end at `ends[i]`.
    after
        float64 (n, 2), written: the lead's latest time in ms, and its engagement decayed by day, after each event.
    """
    at_sparse = 0
    at_attribute = 0
    for i in range(lead_of.shape[0]):
        row = memory_rows[lead_of[i]]
        previous = np.uint64(row[m.PREVIOUS_TYPE])
        of_type = type_ids[i] & np.uint64(LOW)
        faded = _remember(row, at[i], float(of_type), float(channel_ids[i] & np.uint64(LOW)), stages[i], dense[i])
        row[m.PREVIOUS_TYPE] = of_type
        after[i, 0] = row[m.LAST_AT]
        after[i, 1] = row[m.DECAYED_DAY]
        ids[at_sparse] = type_ids[i]
        ids[at_sparse + 1] = channel_ids[i]
        values[at_sparse] = values[at_sparse + 1] = 1.0
        at_sparse += 2
        if previous != 0:
            ids[at_sparse] = np.uint64(PREVIOUS_EVENT) | previous
            values[at_sparse] = 1.0
            at_sparse += 1
        for k in range(m.TYPE_SLOTS):
            slot = m.TYPES + k * m.TYPE_FIELDS
            if row[slot] == 0.0:
                break
            ids[at_sparse] = np.uint64(salted(np.uint32(row[slot]), SALT_COUNT)) << np.uint64(32)
            values[at_sparse] = math.log1p(row[slot + 1])
            at_sparse += 1
        at_sparse = _recall(row, faded, ids, values, at_sparse)
        at_sparse = _recall_numbers(row, ids, values, at_sparse)
        while at_attribute < attribute_ends[i]:
            if at_attribute >= number_starts[i]:
                value = np.float64(attribute_values[at_attribute])
                _take_number(
                    row, float(attribute_ids[at_attribute] >> np.uint64(32)), math.copysign(math.expm1(min(abs(value), LARGEST_LOG)), value), at[i]
                )
            ids[at_sparse] = attribute_ids[at_attribute]
            values[at_sparse] = attribute_values[at_attribute]
            at_sparse += 1
            at_attribute += 1
        ends[i] = at_sparse


assert m.TYPE_FIELDS == m.CHANNEL_FIELDS, "slots of both are read alike"
assert WIDTH == 17, "remember writes 17 dense features: keep it and the registry together"
