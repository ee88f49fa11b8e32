"""Scoring point + outcome → matured example, interval by interval, never before its time."""

import math
import struct
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import msgpack
import numpy as np

from models.features.packing import NO_NAMES, Names, unpack
from models.frozen import hazards_kept, kept_hazards
from models.memory import IS_WON, OUTCOME_AT, LeadMemory, PendingPoint
from schemas.errors import FatalError
from schemas.model_snapshot import LEARNER
from schemas.policy import TenantPolicy

VERSION = 4
ALONE = 1
"""A version that was written of points that only the first learner scored."""
BEFORE_PACKING = 3
"""The last version of points with hazards in double precision and vectors as they are; 2 was of those that had not moved."""
PENDING_LIMIT = 19
"""Scoring points that wait at once for one lead. Beyond it those with the smallest draw, a hash of the event id, are kept: a sample that
does not depend on time, type or score."""
_HEAD = struct.Struct("<BQdBH")
_SHADOWS = struct.Struct("<H")
_VERSION_BYTE = bytes((VERSION,))


class KeptShadow(NamedTuple):
    """What a challenger said of the same event."""

    learner: str
    propensity: float
    hazards: tuple[float, ...]


class KeptPoint(NamedTuple):
    """What is kept of a scoring point until its window is over: the prediction as it was published, and its features' bytes.

    `lead` and `sequence` are those that it was published under, where its lead is part of another one now; empty and 0 otherwise.
    """

    event_id: str
    model_version: int
    propensity: float
    hazards: tuple[float, ...]
    features: bytes
    learner: str = LEARNER
    shadows: tuple[KeptShadow, ...] = ()
    lead: str = ""
    sequence: int = 0

    def to_bytes(self) -> bytes:
        """As `point_bytes` writes it, the vector as it is."""
        shadows = [(shadow.learner, shadow.propensity, _kept(shadow.hazards)) for shadow in self.shadows]
        published = (self.lead, self.sequence)
        return point_bytes(self.event_id, self.model_version, self.propensity, _kept(self.hazards), self.features, self.learner, shadows, published)


def _kept(hazards: tuple[float, ...]) -> bytes:
    return kept_hazards(np.array(hazards, np.float64)).tobytes()


def point_bytes(
    event_id: str,
    model_version: int,
    propensity: float,
    hazards: bytes,
    features: bytes,
    learner: str = LEARNER,
    shadows: Sequence[tuple[str, float, bytes]] = (),
    published: tuple[str, int] = ("", 0),
) -> bytes:
    """A kept point: a version byte, then its fields by msgpack; the last ones only where they say something.

    Parameters
    ----------
    hazards
        As `kept_hazards` gives them, those of `shadows` too.
    features
        The vector, packed by the lead's names or as it is.
    """
    fields = [event_id, model_version, propensity, hazards, features]
    if published[0]:
        fields += [learner, shadows, *published]
    elif shadows or learner != LEARNER:
        fields += [learner, shadows]
    return _VERSION_BYTE + bytes(msgpack.packb(fields))


def point_from_bytes(data: bytes, names: Names = NO_NAMES) -> KeptPoint:
    """The point that `point_bytes` wrote, its vector whole.

    Parameters
    ----------
    names
        Of the lead that keeps the point.

    Raises
    ------
    FatalError
        Written by another version of the encoding, or by other names.
    """
    if data[0] != VERSION:
        return _point_before_packing(data)
    event_id, model_version, propensity, hazards, features, *others = msgpack.unpackb(data[1:])
    point = KeptPoint(event_id, model_version, propensity, hazards_kept(hazards), unpack(features, names))
    if not others:
        return point
    learner, shadows, *published = others
    beside = tuple(KeptShadow(name, said, hazards_kept(its)) for name, said, its in shadows)
    whole = point._replace(learner=learner, shadows=beside)
    return whole._replace(lead=published[0], sequence=published[1]) if published else whole


def _point_before_packing(data: bytes) -> KeptPoint:
    version, model_version, propensity, hazards, id_bytes = _HEAD.unpack_from(data)
    if not ALONE <= version <= BEFORE_PACKING:
        raise FatalError(f"scoring point of version {version}, this release reads {ALONE} to {VERSION}")
    at_id = _HEAD.size + 8 * hazards
    frozen = struct.unpack_from(f"<{hazards}d", data, _HEAD.size)
    at_rest = at_id + id_bytes
    alone = KeptPoint(data[at_id:at_rest].decode(), model_version, propensity, frozen, data[at_rest:])
    if version == ALONE:
        return alone
    at_features = at_rest + _SHADOWS.size + _SHADOWS.unpack_from(data, at_rest)[0]
    learner, shadows, *published = msgpack.unpackb(data[at_rest + _SHADOWS.size : at_features])
    beside = tuple(KeptShadow(name, said, struct.unpack(f"<{len(its) // 8}d", its)) for name, said, its in shadows)
    whole = alone._replace(features=data[at_features:], learner=learner, shadows=beside)
    return whole._replace(lead=published[0], sequence=published[1]) if published else whole


class Label(NamedTuple):
    """Intervals of a point that are over: `first` to `last`, inclusive, all 0 but the last, which is `is_converted`.

    `at` is the instant, in ms, from which the label may be known.
    """

    first: int
    last: int
    is_converted: bool
    is_final: bool
    at: int


def draw(event_id: str) -> int:
    """A point's place in the sample: a hash of its event id, the same wherever it is computed."""
    return zlib.crc32(event_id.encode())


def keep(memory: LeadMemory, point: PendingPoint) -> PendingPoint | None:
    """Add a point to those that wait; gives the one that makes room for it (maybe itself), if any."""
    memory.pending.append(point)
    if len(memory.pending) <= PENDING_LIMIT:
        return None
    out = max(memory.pending, key=lambda p: (p.draw, p.sequence))
    memory.pending.remove(out)
    return out


def new_point(memory: LeadMemory, policy: TenantPolicy, *, sequence: int, as_of: int, event_id: str) -> PendingPoint:
    """A scoring point as it begins to wait; an outcome that came before its event already counts."""
    point = PendingPoint(sequence, as_of, 0, draw(event_id))
    outcome_at = float(memory.row[OUTCOME_AT])
    return point if math.isnan(outcome_at) else _with_outcome(point, policy, outcome_at, int(memory.row[IS_WON]))


def note_outcome(memory: LeadMemory, policy: TenantPolicy, *, at: int, is_won: bool) -> list[PendingPoint]:
    """Remember what the CRM says; gives the points that no label can come from any more, no longer pending.

    A lead that can convert only once keeps its earliest outcome, and points after it say nothing: with a window only events strictly
    before an outcome are examples of it; without one, the outcome of an event may carry the same instant.
    """
    known = float(memory.row[OUTCOME_AT])
    if not policy.is_repeatable and known <= at:  # false for NaN: none known
        return []
    memory.row[OUTCOME_AT] = at
    memory.row[IS_WON] = float(is_won)
    after = [] if policy.is_repeatable else [p for p in memory.pending if not _precedes(p.as_of, at, policy)]
    waiting = memory.pending if policy.is_repeatable else [p for p in memory.pending if _precedes(p.as_of, at, policy)]
    memory.pending = [_with_outcome(p, policy, at, int(is_won)) for p in waiting]
    return after


def note_reopening(memory: LeadMemory, *, at: int) -> None:
    """Take back what the CRM said before this instant: the lead is open again, and points whose label was not given yet wait on.

    Labels that were given stay learned, as their time has passed; points that were dropped when the outcome came stay dropped.
    """
    known = float(memory.row[OUTCOME_AT])
    if known <= at:  # false for NaN: none known, and for a later one, which was heard of first
        memory.row[OUTCOME_AT] = math.nan
        memory.row[IS_WON] = 0.0
    memory.pending = [p._replace(outcome_at=0, is_won=0) if 0 < p.outcome_at <= at else p for p in memory.pending]


def _precedes(as_of: int, outcome_at: float, policy: TenantPolicy) -> bool:
    return as_of < outcome_at or (policy.window_ms is None and as_of == outcome_at)


def _with_outcome(point: PendingPoint, policy: TenantPolicy, outcome_at: float, is_won: int) -> PendingPoint:
    is_first = point.outcome_at == 0 or outcome_at < point.outcome_at
    if _precedes(point.as_of, outcome_at, policy) and is_first:  # false for NaN
        return point._replace(outcome_at=int(outcome_at), is_won=is_won)
    return point


def is_open(memory: LeadMemory, policy: TenantPolicy, at: int) -> bool:
    """Whether a score as of this instant still means something: the lead's story has not ended before it."""
    outcome_at = float(memory.row[OUTCOME_AT])
    return policy.is_repeatable or math.isnan(outcome_at) or _precedes(at, outcome_at, policy)


def is_known_already(memory: LeadMemory, policy: TenantPolicy) -> bool:
    """Whether a label waits for nothing: without a window, that of a point whose outcome came before its event."""
    return policy.window_ms is None and any(point.outcome_at for point in memory.pending)


def label(point: PendingPoint, policy: TenantPolicy, now: int) -> Label | None:
    """What may be learned of a point at this instant of event time; None: nothing new.

    With a window, a label is known when its interval ends, for conversions and silence alike (design: a positive learned at once and a
    negative at its deadline make a model believe that everyone converts). Without, when the outcome is.
    """
    ends = policy.interval_ends_ms
    if not ends:
        return Label(0, 0, bool(point.is_won), True, point.outcome_at) if point.outcome_at else None
    over = bisect_right(ends, now - point.as_of)
    if over <= point.next_interval:
        return None
    delay = point.outcome_at - point.as_of
    if point.is_won and delay <= ends[over - 1]:
        converted_in = max(bisect_left(ends, delay), point.next_interval)
        return Label(point.next_interval, converted_in, True, True, point.as_of + ends[converted_in])
    return Label(point.next_interval, over - 1, False, over == len(ends), point.as_of + ends[over - 1])


def next_due(memory: LeadMemory, policy: TenantPolicy) -> int | None:
    """When the earliest label of the lead's pending points may be known, in ms; None: not by time alone."""
    ends = policy.interval_ends_ms
    if not ends or not memory.pending:
        return None
    return min([point.as_of + ends[point.next_interval] for point in memory.pending])


def is_due_before(point: PendingPoint, policy: TenantPolicy, at: int) -> bool:
    """Whether a point's next label may be known before this instant, in ms."""
    ends = policy.interval_ends_ms
    return bool(ends) and point.as_of + ends[point.next_interval] < at
