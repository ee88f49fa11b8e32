"""What a salesperson sees of a score: the same fields in every CRM, under names of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from connectors.crm.contract import revision_of
from schemas.ids import Millis
from schemas.score import LeadScore

LEAD_ID = "lead_id"
REVISION = "revision"
GRADE = "grade"
PROPENSITY = "propensity"
EPOCH = datetime(1970, 1, 1)
"""In UTC, as all instants are, and said so by the Z behind them."""
REASONS_SHOWN = 3
TEXT_LENGTH = 255
"""Characters that a text field of either vendor takes."""


class Field(NamedTuple):
    """A field that ProX owns: people read it and never edit it."""

    name: str
    label: str
    kind: str
    about: str


FIELDS = (
    Field(LEAD_ID, "ProX lead id", "key", "Joins the record to its lead. Unique; never edit it."),
    Field("score", "ProX score", "number", "Propensity in points from 0 to 100."),
    Field(PROPENSITY, "ProX propensity", "number", "Probability of converting within the attribution window, 0 to 1."),
    Field(GRADE, "ProX grade", "text", "A1 to D3: letter by propensity, digit by how active the lead is now."),
    Field("reasons_for", "ProX reasons for", "text", "What speaks for the lead, the strongest first."),
    Field("reasons_against", "ProX reasons against", "text", "What speaks against it."),
    Field("model_version", "ProX model version", "number", "The model that made the score."),
    Field("as_of", "ProX as of", "datetime", "Time of the lead's latest event that the score has seen."),
    Field(REVISION, "ProX revision", "text", "Orders a lead's scores, so that an older one never replaces a newer."),
    Field("expected_at", "ProX expected date", "datetime", "When the lead converts, if it does within the attribution window."),
)

Values = Callable[[LeadScore], dict[str, str | float]]
"""What is written of a score: field → value, but for the lead's id; an empty text clears the field."""


def plain(feature: str, value: float) -> str:  # noqa: ARG001 - as any wording
    """A reason by its feature's name."""
    return feature


def never(score: LeadScore) -> Millis | None:  # noqa: ARG001 - as any forecast
    """No date is foretold."""
    return None


def values_of(
    score: LeadScore, *, in_words: Callable[[str, float], str] = plain, expected_at: Callable[[LeadScore], Millis | None] = never
) -> dict[str, str | float]:
    """Field → value, as `Values`. Times are ISO 8601 in UTC.

    Parameters
    ----------
    in_words
        (feature, its value) → what it says of a lead.
    expected_at
        When a lead converts, if it does; None: not foretold.
    """
    against, speaking = _reasons(score, in_words)
    date = expected_at(score)
    return {
        "score": round(score.propensity * 100),
        PROPENSITY: round(score.propensity, 6),
        GRADE: score.grade,
        "reasons_for": "; ".join(speaking)[:TEXT_LENGTH],
        "reasons_against": "; ".join(against)[:TEXT_LENGTH],
        "model_version": score.model_version,
        "as_of": _instant(score.as_of),
        REVISION: revision_of(score),
        "expected_at": "" if date is None else _instant(date),
    }


def _reasons(score: LeadScore, in_words: Callable[[str, float], str]) -> tuple[list[str], list[str]]:
    """What speaks against the lead and what for it, the strongest first: as many as are shown, and none is put into words in vain."""
    reasons: tuple[list[str], list[str]] = [], []
    values = score.reason_values
    for place, (feature, share) in enumerate(zip(score.reason_features, score.reason_shares, strict=True)):
        side = reasons[share > 0]
        if len(side) < REASONS_SHOWN:
            side.append(in_words(feature, values[place]) if place < len(values) else feature)
    return reasons


def _instant(at: Millis) -> str:
    """An instant of the years 1 to 9999.

    Examples
    --------
    >>> _instant(Millis(1_772_442_061_002)), _instant(Millis(-1))
    ('2026-03-02T09:01:01.002Z', '1969-12-31T23:59:59.999Z')
    """
    minutes, ms = divmod(at, 60_000)
    return "%s:%02d.%03dZ" % (_minute(minutes), *divmod(ms, 1_000))  # noqa: UP031 - a third of the time of isoformat, twice a push


@lru_cache(maxsize=10_000)
def _minute(number: int) -> str:
    return (EPOCH + timedelta(minutes=number)).isoformat(timespec="minutes")
