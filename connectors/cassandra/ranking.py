"""Ranks: where a lead stands among all of its tenant, as one integer that is also the write timestamp of its row.

rank = as_of (42 bits) | sequence (9) | band (7) | grade (4)

So of all ranks of a lead the greatest is the one that counts, in any order of arrival, and it alone tells which row holds the lead.
The rank of an outcome has a grade that no score has: the lead is in no row. It fits Flink's LONG.
"""

from math import log
from typing import NamedTuple

from schemas.ids import Millis
from schemas.policy import DAY_MS
from schemas.score import LeadScore

GRADES = tuple(f"{letter}{digit}" for letter in "ABCD" for digit in "123")
BANDS = 128
BANDS_PER_LOGIT = 8
"""A band is 0.125 of a logit, about 3 % of propensity in the middle: the 128 of them reach from -8 to 8, 0.0003 to 0.9997."""

_GRADE_BITS, _BAND_BITS, _SEQUENCE_BITS = 4, 7, 9
_GRADE_OF = {grade: code for code, grade in enumerate(GRADES)}
_NO_GRADE = (1 << _GRADE_BITS) - 1
_LAST_OF_INSTANT = (1 << _SEQUENCE_BITS + _BAND_BITS + _GRADE_BITS) - 1
_LAST_INSTANT = (1 << 42) - 1

CLOSED_FOR_MS = 365 * DAY_MS
"""How long the outcome of a lead that converts only once keeps it out of the ranking: as long as the jobs remember a silent lead, so that
one that comes back after it was forgotten begins anew."""


class Place(NamedTuple):
    """The partition of `leads_by_band` that holds a lead."""

    grade: str
    band: int


def band_of(propensity: float) -> int:
    """The band of a propensity in [0, 1]: 0 is the lowest. It never falls while the propensity rises."""
    if propensity <= 0.0:
        return 0
    if propensity >= 1.0:
        return BANDS - 1
    logit = log(propensity) - log(1.0 - propensity)
    return min(BANDS - 1, max(0, int(logit * BANDS_PER_LOGIT + BANDS / 2)))


def rank_of(score: LeadScore) -> int:
    """The rank of a score. Raises ValueError for a grade that is none of A1 to D3."""
    grade = _GRADE_OF.get(score.grade)
    if grade is None:
        raise ValueError(f"{score.grade!r} is no grade: A1 to D3")
    rank = score.as_of << _SEQUENCE_BITS | score.sequence & (1 << _SEQUENCE_BITS) - 1
    rank = rank << _BAND_BITS | band_of(score.propensity)
    return rank << _GRADE_BITS | grade


def closing_rank(occurred_at: Millis, *, is_repeatable: bool) -> int:
    """The rank of a lead that was won or lost: no place.

    It outdoes every score as of the same instant or before. Where a lead may convert again a later score outdoes it in turn; where it
    may not, none does within CLOSED_FOR_MS, as a score after an outcome was only given because the outcome was heard of too late.
    """
    until = occurred_at if is_repeatable else min(occurred_at + CLOSED_FOR_MS, _LAST_INSTANT)
    return until << _SEQUENCE_BITS + _BAND_BITS + _GRADE_BITS | _LAST_OF_INSTANT


def reopened_by(closing: int, shift: int, occurred_at: Millis, *, is_repeatable: bool) -> int:
    """How much later than it was made a score of a lead must be ranked from now on, in ms, so that it outdoes the outcome that was taken back.

    Parameters
    ----------
    closing
        The rank of that outcome.
    shift
        What this gave before for the lead; 0 for one that was never reopened.
    occurred_at
        When it was reopened. Before the outcome: nothing is taken back.
    """
    closed_at = as_of(closing) - shift - (0 if is_repeatable else CLOSED_FOR_MS)
    return shift if occurred_at < closed_at else max(shift, as_of(closing) + 1 - occurred_at)


def is_closing(rank: int) -> bool:
    """Whether it is the rank of an outcome."""
    return rank & _NO_GRADE == _NO_GRADE


def place_of(rank: int) -> Place | None:
    """Where the row of this rank is; None: there is no row, as the lead was won or lost."""
    return None if is_closing(rank) else Place(GRADES[rank & _NO_GRADE], rank >> _GRADE_BITS & (1 << _BAND_BITS) - 1)


def as_of(rank: int) -> Millis:
    """The `as_of` of the score that was ranked."""
    return Millis(rank >> _GRADE_BITS + _BAND_BITS + _SEQUENCE_BITS)
