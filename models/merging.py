"""Two memories of one person → one, when two leads prove to be one; and one of them out of it again."""

import math
from typing import NamedTuple

import numpy as np

from models import memory as m
from models import pairing
from models.memory import LeadMemory, PendingPoint
from models.remembering import LIFE_DAY_MS, LIFE_HOUR_MS, LIFE_WEEK_MS
from schemas.policy import TenantPolicy

_DECAYED = ((m.DECAYED_HOUR, LIFE_HOUR_MS), (m.DECAYED_DAY, LIFE_DAY_MS), (m.DECAYED_WEEK, LIFE_WEEK_MS))
_OF_LATEST = (m.LAST_AT, m.SESSION_EVENTS, m.PREVIOUS_TYPE, m.GRADE)
"""What speaks of the latest event: all of it is of the memory that has it."""
_SLOTS = ((m.TYPES, m.TYPE_SLOTS, m.TYPE_FIELDS), (m.CHANNELS, m.CHANNEL_SLOTS, m.CHANNEL_FIELDS))
FROM_ELSEWHERE = 1 << 31
"""Points that came from another lead have numbers from here on, within their memory: no lead's own sequence comes so far."""


class Merged(NamedTuple):
    """The memory of both, and what became of kept points.

    `taken` is the other's points that wait on: its number of each → the number that it has here; `dropped` are points of the survivor that
    wait no longer.
    """

    memory: LeadMemory
    taken: dict[int, int]
    dropped: list[int]


def merge(survivor: LeadMemory, other: LeadMemory, policy: TenantPolicy) -> Merged:
    """The survivor with all that the other remembers; neither is changed. Whichever survives, it remembers the same.

    Counts add, decayed sums add at the later instant, the first touch is the earlier one. It is what one memory would hold that had
    taken all events, but for sessions, which add though two may have been one, the longest silence, which is the longer one of either,
    and types and channels beyond the slots, of which the latest stay.
    Sequences go on as the survivor's; points of the other get numbers of their own, as they stay what they were published as.
    """
    row = _merged_row(survivor.row, other.row)
    row[m.SEQUENCE] = survivor.row[m.SEQUENCE]
    first = max([FROM_ELSEWHERE - 1, *(point.sequence for point in survivor.pending)]) + 1
    taken = {point.sequence: number for number, point in enumerate(other.pending, first)}
    moved = [point._replace(sequence=taken[point.sequence]) for point in other.pending]
    # each lead's points stay in their order, as labels of one lead are told in it
    memory = LeadMemory(row, sorted((*survivor.pending, *moved), key=_in_time), survivor.names)
    outcomes = {(float(one[m.OUTCOME_AT]), bool(one[m.IS_WON])) for one in (survivor.row, other.row) if not math.isnan(one[m.OUTCOME_AT])}
    for at, is_won in sorted(outcomes):
        pairing.note_outcome(memory, policy, at=int(at), is_won=is_won)
    sample = {point.sequence for point in sorted(memory.pending, key=_by_draw)[: pairing.PENDING_LIMIT]}
    memory.pending = [point for point in memory.pending if point.sequence in sample]
    kept = {point.sequence for point in memory.pending}
    return Merged(
        memory,
        {before: after for before, after in taken.items() if after in kept},
        [point.sequence for point in survivor.pending if point.sequence not in kept],
    )


def part(memory: LeadMemory, other: LeadMemory) -> LeadMemory:
    """The memory without what the other brought into it; neither is changed.

    What is linear goes: counts, sums, and decayed sums as far as they have not decayed. First touch, longest silence, stage, the latest
    event and points that wait stay as they are.
    """
    row = memory.row.copy()
    gone = other.row
    for field in (m.COUNT, m.SESSIONS):
        row[field] = max(row[field] - gone[field], 0.0)
    for field, life_ms in _DECAYED:
        row[field] = max(row[field] - gone[field] * math.exp(min(gone[m.LAST_AT] - row[m.LAST_AT], 0.0) / life_ms), 0.0)
    _part_slots(row, gone)
    numbers, theirs = (one[m.NUMBERS :].reshape(m.NUMBER_SLOTS, m.NUMBER_FIELDS) for one in (row, gone))
    sums = {name: total for name, total, _, _ in theirs if name}
    for slot in numbers:
        slot[1] -= sums.get(slot[0], 0.0)
    if not row[m.COUNT]:
        sequence, queued_for = row[m.SEQUENCE], row[m.QUEUED_FOR]
        outcome = row[[m.OUTCOME_AT, m.IS_WON]]
        row = LeadMemory.empty().row
        row[[m.OUTCOME_AT, m.IS_WON]] = outcome
        row[m.SEQUENCE], row[m.QUEUED_FOR], row[m.LAST_AT] = sequence, queued_for, memory.row[m.LAST_AT]
    return LeadMemory(row, list(memory.pending), memory.names)


def _part_slots(row: m.Row, gone: m.Row) -> None:
    """Without what the other brought of each type and channel; slots that it filled alone are free again, and those behind move up."""
    fades = m.FADED
    for start, slots, fields in _SLOTS:
        into, theirs = (one[start : start + slots * fields].reshape(slots, fields) for one in (row, gone))
        faded, their_faded = row[fades : fades + slots], gone[fades : fades + slots]
        brought = {name: (count, at, fade) for (name, count, at), fade in zip(theirs, their_faded, strict=True) if name}
        left = []
        for (name, count, at), fade in zip(into, faded, strict=True):
            their_count, their_at, their_fade = brought.get(name, (0.0, at, 0.0))
            if name and count > their_count:
                own = fade - their_fade * math.exp(min(their_at - at, 0.0) / LIFE_DAY_MS)
                left.append(((name, count - their_count, at), max(own, 0.0)))
        into[:], faded[:] = 0.0, 0.0
        for place, (slot, fade) in enumerate(left):
            into[place], faded[place] = slot, fade
        fades += slots


def _merged_row(one: m.Row, other: m.Row) -> m.Row:
    latest = max(one, other, key=_of_latest)
    row = LeadMemory.empty().row
    row[list(_OF_LATEST)] = latest[list(_OF_LATEST)]
    # an outcome alone has an instant too, which says nothing of events
    row[m.LAST_AT] = max([r[m.LAST_AT] for r in (one, other) if r[m.COUNT]] or [one[m.LAST_AT], other[m.LAST_AT]])
    row[m.COUNT] = one[m.COUNT] + other[m.COUNT]
    row[m.FIRST_AT] = min((r[m.FIRST_AT] for r in (one, other) if r[m.COUNT]), default=0.0)
    row[m.MAX_GAP_H] = max(one[m.MAX_GAP_H], other[m.MAX_GAP_H])
    row[m.SESSIONS] = one[m.SESSIONS] + other[m.SESSIONS]
    for field, life_ms in _DECAYED:
        row[field] = sum(r[field] * math.exp((r[m.LAST_AT] - row[m.LAST_AT]) / life_ms) for r in (one, other) if r[field])
    for start, slots, fields in _SLOTS:
        _merge_slots(row[start : start + slots * fields].reshape(slots, fields), *(r[start : start + slots * fields] for r in (one, other)))
    _merge_faded(row, one, other)
    row[[m.STAGE, m.STAGE_AT]] = max((r[[m.STAGE, m.STAGE_AT]] for r in (one, other)), key=lambda stage: (stage[0], -stage[1]))
    _merge_numbers(row[m.NUMBERS :].reshape(m.NUMBER_SLOTS, m.NUMBER_FIELDS), *(r[m.NUMBERS :] for r in (one, other)))
    return row


def _merge_faded(row: m.Row, *both: m.Row) -> None:
    """What faded of each type and channel, as of the last time that either met it."""
    parts = [(r[m.TYPES : m.FADED].reshape(-1, m.TYPE_FIELDS), r[m.FADED : m.STAGE]) for r in (row, *both)]
    (into, faded), *others = parts
    is_channel = np.arange(len(into)) >= m.TYPE_SLOTS
    for place, (name, _, at) in enumerate(into):
        if name:
            of = [(slots, fades, (slots[:, 0] == name) & (is_channel == is_channel[place])) for slots, fades in others]
            faded[place] = sum(float(fades[met] @ np.exp((slots[met, 2] - at) / LIFE_DAY_MS)) for slots, fades, met in of)


def _merge_numbers(into: m.Row, *both: m.Row) -> None:
    """Slots are id, sum, last value, last at."""
    slots: dict[float, tuple[float, float, float]] = {}
    for name, total, value, at in np.concatenate([slot.reshape(into.shape) for slot in both]):
        if name:
            known = slots.get(name, (0.0, 0.0, -np.inf))
            latest_at, last = max((known[2], known[1]), (at, value))
            slots[name] = (known[0] + total, last, latest_at)
    latest_names = sorted(slots, key=lambda name: (-slots[name][2], name))[: len(into)]
    for place, name in enumerate(sorted(latest_names)):
        into[place] = np.array([name, *slots[name]])


def _of_latest(row: m.Row) -> tuple[float, ...]:
    # a memory without events may still have an instant, that of an outcome
    return (float(row[m.COUNT] > 0), *(float(row[field]) for field in _OF_LATEST))


def _merge_slots(into: m.Row, *both: m.Row) -> None:
    """Slots are id, count, last at."""
    slots: dict[float, tuple[float, float]] = {}
    for name, count, at in np.concatenate([slot.reshape(into.shape) for slot in both]):
        if name:
            known = slots.get(name, (0.0, 0.0))
            slots[name] = (known[0] + count, max(known[1], at))
    latest = sorted(slots, key=lambda name: (-slots[name][1], name))[: len(into)]
    for place, name in enumerate(sorted(latest)):
        into[place] = np.array([name, *slots[name]])


def _in_time(point: PendingPoint) -> tuple[int, int]:
    return point.as_of, point.sequence


def _by_draw(point: PendingPoint) -> tuple[int, int]:
    return point.draw, point.sequence
