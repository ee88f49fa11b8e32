"""Ranks: where a lead stands among all of its tenant, as one integer that is also the write timestamp of its row.

rank = as_of (42 bits) | sequence (9) | band (7) | grade (4)

So of all ranks of a lead the greatest is the one that counts, in any order of arrival, and it alone tells which row holds the lead.
It fits Flink's LONG.
"""

from math import log
from typing import NamedTuple

from schemas.ids import Millis
from schemas.score import LeadScore

GRADES = tuple(f"{letter}{digit}" for letter in "ABCD" for digit in "123")
BANDS = 128
BANDS_PER_LOGIT = 8
"""A band is 0.125 of a logit, about 3 % of propensity in the middle: the 128 of them reach from -8 to 8, 0.0003 to 0.9997."""

_GRADE_BITS, _BAND_BITS, _SEQUENCE_BITS = 4, 7, 9
_GRADE_OF = {grade: code for code, grade in enumerate(GRADES)}


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


def place_of(rank: int) -> Place:
    """Where the row of this rank is."""
    return Place(GRADES[rank & (1 << _GRADE_BITS) - 1], rank >> _GRADE_BITS & (1 << _BAND_BITS) - 1)


def as_of(rank: int) -> Millis:
    """The `as_of` of the score that was ranked."""
    return Millis(rank >> _GRADE_BITS + _BAND_BITS + _SEQUENCE_BITS)
