"""Write timestamps: of two writes of a cell Cassandra keeps the one with the higher, so these decide what wins, in any order of arrival.

All are signed 64-bit integers of which the high 42 bits are an event time in milliseconds (good until the year 2109).
They are not wall-clock microseconds, so nothing that reads them as such (TimeWindowCompactionStrategy) may be used on these tables.
"""

from schemas.enriched import EnrichedEvent
from schemas.ids import Millis
from schemas.score import LeadScore

TIME_SHIFT = 20
LATEST = (1 << 62) - 1
SEQUENCE_MASK = 0x7FF
SCORED_MASK = 0x1FF
SCORED_SHIFT = 10
"""Scores of one event are seconds apart: a job restarts in between."""


def write_timestamp_of(at: Millis) -> int:
    """The timestamp of a fact that never changes: a repeat writes the same cells again."""
    return at << TIME_SHIFT


def score_timestamp(score: LeadScore) -> int:
    """The later `as_of` wins, then the higher sequence, then the one scored last; no cell of two scores is ever mixed.

    A score emitted again after a restart may carry another model version: it is a write of its own, whole.
    Sequences compare modulo 2,048 and only among scores of one `as_of`, that is, while late events arrive; `scored_at` in units of
    1,024 ms modulo 512, some 523 s, and only among scores of one event. Versions would not do: they skip numbers, and two that are equal
    modulo 512 would mix their cells.
    """
    return score.as_of << TIME_SHIFT | (score.sequence & SEQUENCE_MASK) << 9 | (score.scored_at >> SCORED_SHIFT & SCORED_MASK)


def profile_timestamp(event: EnrichedEvent) -> int:
    """The event that occurred last wins; of two in one millisecond, the one that was enriched last, since it knows of the other.

    Sequences compare modulo 1,048,576 and only within one millisecond.
    """
    return event.occurred_at << TIME_SHIFT | event.sequence & 0xFFFFF


def earliest_timestamp_of(at: Millis) -> int:
    """Falls as time goes on, so the earliest instant ever written stays."""
    return LATEST - (at << TIME_SHIFT)
