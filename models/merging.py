"""Two memories of one person → one, when two leads prove to be one."""

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


class Renumbered(NamedTuple):
    """Where a kept point goes: point `before` of memory `of` (0 or 1) is point `after` now; None: it waits no longer."""

    of: int
    before: int
    after: int | None


class Merged(NamedTuple):
    """The memory of both, and what became of their kept points."""

    memory: LeadMemory
    points: list[Renumbered]


def merge(one: LeadMemory, other: LeadMemory, policy: TenantPolicy) -> Merged:
    """One memory of two; neither is changed, and their order does not matter.

    Counts add, decayed sums add at the later instant, the first touch is the earlier one. It is what one memory would hold that had
    taken all events, but for sessions, which add though two may have been one, the longest silence, which is the longer one of either,
    and types and channels beyond the slots, of which the latest stay.
    Points get new sequences, in order of time and above all old ones, so that no label of theirs is taken for a repeat.
    """
    row = _merged_row(one.row, other.row)
    waiting = sorted(((point, of) for of, memory in enumerate((one, other)) for point in memory.pending), key=_in_time)
    last = int(one.row[m.SEQUENCE] + other.row[m.SEQUENCE])
    numbered = {last + n: (point, of) for n, (point, of) in enumerate(waiting, 1)}
    row[m.SEQUENCE] = last + len(waiting)
    memory = LeadMemory(row, [point._replace(sequence=sequence) for sequence, (point, _) in numbered.items()])
    for at, is_won in sorted(
        {(float(row_[m.OUTCOME_AT]), bool(row_[m.IS_WON])) for row_ in (one.row, other.row) if not math.isnan(row_[m.OUTCOME_AT])}
    ):
        pairing.note_outcome(memory, policy, at=int(at), is_won=is_won)
    memory.pending = sorted(sorted(memory.pending, key=_by_draw)[: pairing.PENDING_LIMIT], key=lambda point: point.sequence)
    kept = {point.sequence for point in memory.pending}
    points = [Renumbered(of, point.sequence, sequence if sequence in kept else None) for sequence, (point, of) in numbered.items()]
    return Merged(memory, points)


def _merged_row(one: m.Row, other: m.Row) -> m.Row:
    latest = max(one, other, key=_of_latest)
    row = LeadMemory.empty().row
    row[list(_OF_LATEST)] = latest[list(_OF_LATEST)]
    row[m.LAST_AT] = max(one[m.LAST_AT], other[m.LAST_AT])
    row[m.COUNT] = one[m.COUNT] + other[m.COUNT]
    row[m.FIRST_AT] = min((r[m.FIRST_AT] for r in (one, other) if r[m.COUNT]), default=0.0)
    row[m.MAX_GAP_H] = max(one[m.MAX_GAP_H], other[m.MAX_GAP_H])
    row[m.SESSIONS] = one[m.SESSIONS] + other[m.SESSIONS]
    for field, life_ms in _DECAYED:
        row[field] = sum(r[field] * math.exp((r[m.LAST_AT] - row[m.LAST_AT]) / life_ms) for r in (one, other) if r[field])
    for start, slots, fields in ((m.TYPES, m.TYPE_SLOTS, m.TYPE_FIELDS), (m.CHANNELS, m.CHANNEL_SLOTS, m.CHANNEL_FIELDS)):
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


def _in_time(waiting: tuple[PendingPoint, int]) -> tuple[int, int, int, int, int]:
    point = waiting[0]
    return point.as_of, point.draw, point.next_interval, point.outcome_at, point.is_won


def _by_draw(point: PendingPoint) -> tuple[int, int]:
    return point.draw, point.sequence
