"""What is remembered of a lead: one row of doubles, and the scoring points that wait for their label."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.features.packing import NO_NAMES, Names
from schemas.errors import FatalError

VERSION = 3
BEFORE_NAMES = 2
"""A version whose points were kept whole, each index entry with room for an outcome."""
BEFORE_CHANNELS = 1
"""A version that counted types and channels without fading, knew no stages and remembered no numbers."""

(
    SEQUENCE,  # of the last event taken
    COUNT,  # events remembered
    FIRST_AT,  # ms
    LAST_AT,  # ms; never goes back
    MAX_GAP_H,
    DECAYED_HOUR,
    DECAYED_DAY,
    DECAYED_WEEK,
    SESSION_EVENTS,
    SESSIONS,
    PREVIOUS_TYPE,  # id of the event before
    OUTCOME_AT,  # ms; NaN: none
    IS_WON,  # 1 if that outcome is a conversion
    QUEUED_FOR,  # ms, the earliest entry in the lane's due queue; 0: none
    GRADE,  # index into grading.GRADES; -1: none yet
) = range(15)
HEADER = 15
TYPE_SLOTS, TYPE_FIELDS = 12, 3  # id, count, last at
CHANNEL_SLOTS, CHANNEL_FIELDS = 6, 3  # id, count, last at
NUMBER_SLOTS, NUMBER_FIELDS = 4, 4  # id, sum, last value, last at
TYPES = HEADER
CHANNELS = TYPES + TYPE_SLOTS * TYPE_FIELDS
FADED = CHANNELS + CHANNEL_SLOTS * CHANNEL_FIELDS  # by slot of a type, then of a channel: its count, decayed by day, as of its last
STAGE = FADED + TYPE_SLOTS + CHANNEL_SLOTS  # the highest reached, from 1; 0: none
STAGE_AT = STAGE + 1  # ms, when it was reached
NUMBERS = STAGE_AT + 1
ROW_WIDTH = NUMBERS + NUMBER_SLOTS * NUMBER_FIELDS

Row = npt.NDArray[np.float64]
_EMPTY = np.zeros(ROW_WIDTH)
_EMPTY[OUTCOME_AT] = np.nan
_EMPTY[GRADE] = -1.0
_POINT = np.dtype([("sequence", "<u4"), ("as_of", "<i8"), ("next_interval", "u1"), ("draw", "<u4"), ("outcome_at", "<i8"), ("is_won", "u1")])
_WAITING = np.dtype([("sequence", "<u4"), ("as_of", "<i8"), ("next_interval", "u1"), ("draw", "<u4")])
_OUTCOME = np.dtype([("outcome_at", "<i8"), ("is_won", "u1")])
_ROW_BYTES = 8 * ROW_WIDTH


class PendingPoint(NamedTuple):
    """A scoring point that waits: the index entry; its features are kept under its own key.

    `draw` is the hash of its event id, by which points are kept when a lead has too many.
    `outcome_at` is the first outcome after it, in ms; 0: none yet. `is_won` is 1 if that was a conversion.
    """

    sequence: int
    as_of: int
    next_interval: int
    draw: int
    outcome_at: int = 0
    is_won: int = 0


class LeadMemory:
    """One lead, decoded: `row` (ROW_WIDTH doubles, laid out by the constants above) and `pending`, oldest first.

    `names` are the attributes that the vectors of its points name by place.
    """

    __slots__ = ("names", "pending", "row")

    def __init__(self, row: Row, pending: list[PendingPoint], names: Names = NO_NAMES) -> None:
        self.row = row
        self.pending = pending
        self.names = names

    @classmethod
    def empty(cls) -> "LeadMemory":
        """A lead of whom nothing is known."""
        return cls(_EMPTY.copy(), [])

    @classmethod
    def from_bytes(cls, data: bytes) -> "LeadMemory":
        """The memory that `to_bytes` wrote, of this version or an older one.

        Raises
        ------
        FatalError
            Written by a newer release: this one would lose what it cannot read.
        """
        version = data[0]
        if version == BEFORE_CHANNELS:
            # what had faded by then is not known: it begins with what comes
            data = data[: 1 + 8 * FADED] + _EMPTY[FADED:].tobytes() + data[1 + 8 * FADED :]
        elif version not in (BEFORE_NAMES, VERSION):
            raise FatalError(f"lead memory of version {version}, this release reads up to {VERSION}: run the release that wrote it, or a newer one")
        row = np.frombuffer(data, "<f8", ROW_WIDTH, 1).copy()
        start = 1 + _ROW_BYTES
        if version < VERSION:
            return cls(row, [PendingPoint(*point) for point in np.frombuffer(data, _POINT, offset=start).tolist()])
        if len(data) == start:
            return cls(row, [])
        known, with_outcomes = data[start], data[start + 1]
        names = np.frombuffer(data, "<u4", known, start + 2).copy()
        at = start + 2 + 4 * known
        count = (len(data) - at) // (_WAITING.itemsize + with_outcomes * _OUTCOME.itemsize)
        waiting = np.frombuffer(data, _WAITING, count, at).tolist()
        if not with_outcomes:
            return cls(row, [PendingPoint(*point) for point in waiting], names)
        outcomes = np.frombuffer(data, _OUTCOME, count, at + count * _WAITING.itemsize).tolist()
        return cls(row, [PendingPoint(*point, *outcome) for point, outcome in zip(waiting, outcomes, strict=True)], names)

    def to_bytes(self) -> bytes:
        """A version byte and the row; where points wait, also the names, 17 bytes for each point, and 9 if one of them has an outcome."""
        head = bytes((VERSION,)) + self.row.tobytes()
        pending = self.pending
        if not pending:
            return head
        waiting = np.array([point[:4] for point in pending], _WAITING).tobytes()
        has_outcome = any(point.outcome_at or point.is_won for point in pending)
        outcomes = np.array([point[4:] for point in pending], _OUTCOME).tobytes() if has_outcome else b""
        return b"".join((head, bytes((len(self.names), has_outcome)), self.names.tobytes(), waiting, outcomes))
