"""What a salesperson sees of a score: the same fields in every CRM, under names of its own."""

from datetime import UTC, datetime
from typing import NamedTuple

from connectors.crm.contract import revision_of
from schemas.score import LeadScore

LEAD_ID = "lead_id"
REVISION = "revision"
GRADE = "grade"
PROPENSITY = "propensity"
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
)


def values_of(score: LeadScore) -> dict[str, str | float]:
    """Field → value, but for the lead's id. `as_of` is ISO 8601 in UTC."""
    return {
        "score": round(score.propensity * 100),
        PROPENSITY: round(score.propensity, 6),
        GRADE: score.grade,
        "reasons_for": _named(score, speaks_for=True),
        "reasons_against": _named(score, speaks_for=False),
        "model_version": score.model_version,
        "as_of": datetime.fromtimestamp(score.as_of / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        REVISION: revision_of(score),
    }


def _named(score: LeadScore, *, speaks_for: bool) -> str:
    named = [reason.feature for reason in score.reasons if (reason.contribution > 0) == speaks_for]
    return "; ".join(named[:REASONS_SHOWN])[:TEXT_LENGTH]
