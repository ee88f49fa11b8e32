"""Propensity → grade, which moves only when it means it."""

from bisect import bisect_right

LETTERS = "DCBA"
LETTER_FROM = (0.10, 0.25, 0.50)
"""Propensities at which C, B and A begin."""
DIGIT_FROM = (0.5, 2.0)
"""Engagements of the last days, decayed (2 days mean life), at which the digits 2 and 1 begin: 1 is active now, 3 has gone quiet."""
MARGIN_RATIO = 0.1
"""A grade is kept until its measure has passed the boundary by a tenth: a lead on the line does not flicker."""

GRADES = tuple(f"{letter}{digit}" for letter in LETTERS for digit in (3, 2, 1))


def _band(value: float, boundaries: tuple[float, ...], previous: int | None) -> int:
    band = bisect_right(boundaries, value)
    if previous is None or band == previous:
        return band
    if band > previous:
        return max(bisect_right([b * (1 + MARGIN_RATIO) for b in boundaries], value), previous)
    return min(bisect_right([b * (1 - MARGIN_RATIO) for b in boundaries], value), previous)


def grade(propensity: float, decayed_engagement: float, previous: int = -1) -> int:
    """Index into GRADES, the best last.

    Parameters
    ----------
    propensity
        0 to 1. Gives the letter.
    decayed_engagement
        Events of the last days, decayed; not negative. Gives the digit.
    previous
        The lead's grade before, as an index; -1: none.

    Examples
    --------
    >>> GRADES[grade(0.26, 3.0)], GRADES[grade(0.26, 3.0, previous=GRADES.index("C1"))]
    ('B1', 'C1')
    """
    before = divmod(previous, 3) if previous >= 0 else (None, None)
    letter = _band(propensity, LETTER_FROM, before[0])
    return 3 * letter + _band(decayed_engagement, DIGIT_FROM, before[1])
