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


def _held(band: int, value: float, boundaries: tuple[float, ...], previous: int) -> int:
    """The band that a measure is said to be in, with the margin of the one that it was in."""
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
    letter, digit = bisect_right(LETTER_FROM, propensity), bisect_right(DIGIT_FROM, decayed_engagement)
    if previous < 0 or previous == 3 * letter + digit:
        return 3 * letter + digit
    letter_before, digit_before = divmod(previous, 3)
    return 3 * _held(letter, propensity, LETTER_FROM, letter_before) + _held(digit, decayed_engagement, DIGIT_FROM, digit_before)
