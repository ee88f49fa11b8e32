"""What is remembered of a lead: one row of doubles, and the scoring points that wait for their label."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.errors import FatalError

VERSION = 1

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
TYPES = HEADER
CHANNELS = TYPES + TYPE_SLOTS * TYPE_FIELDS
ROW_WIDTH = CHANNELS + CHANNEL_SLOTS * CHANNEL_FIELDS

Row = npt.NDArray[np.float64]
_EMPTY = np.zeros(ROW_WIDTH)
_EMPTY[OUTCOME_AT] = np.nan
_EMPTY[GRADE] = -1.0
_POINT = np.dtype([("sequence", "<u4"), ("as_of", "<i8"), ("next_interval", "u1"), ("draw", "<u4"), ("outcome_at", "<i8"), ("is_won", "u1")])
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
    """One lead, decoded: `row` (ROW_WIDTH doubles, laid out by the constants above) and `pending`, oldest first."""

    __slots__ = ("pending", "row")

    def __init__(self, row: Row, pending: list[PendingPoint]) -> None:
        self.row = row
        self.pending = pending

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
        if data[0] != VERSION:
            raise FatalError(f"lead memory of version {data[0]}, this release reads up to {VERSION}: run the release that wrote it, or a newer one")
        row = np.frombuffer(data, "<f8", ROW_WIDTH, 1).copy()
        points = np.frombuffer(data, _POINT, offset=1 + _ROW_BYTES)
        return cls(row, [PendingPoint(*point) for point in points.tolist()])

    def to_bytes(self) -> bytes:
        """A version byte, the row, then 26 bytes for each pending point."""
        head = bytes((VERSION,)) + self.row.tobytes()
        if not self.pending:
            return head
        return head + np.array(self.pending, dtype=_POINT).tobytes()
