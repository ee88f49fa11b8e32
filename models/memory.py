"""What is remembered of a lead: one row of doubles, and the scoring points that wait for their label."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.errors import FatalError

VERSION = 2
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
        if data[0] == BEFORE_CHANNELS:
            # what had faded by then is not known: it begins with what comes
            data = data[: 1 + 8 * FADED] + _EMPTY[FADED:].tobytes() + data[1 + 8 * FADED :]
        elif data[0] != VERSION:
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
