"""A person's word on a lead's grade, beside the computed score."""

from typing import NamedTuple

from schemas.ids import Millis
from schemas.score import LeadScore

REVOKED = ""
"""Instead of a grade: the computed one counts again."""


class Override(NamedTuple):
    """A decision. Key: `tenant|lead`; Kafka timestamp: `decided_at`, wall-clock. Identity: (`tenant`, `lead`, `override_id`).

    Of a lead's decisions the latest counts, until `expires_at`. `by` says who decided, by a role or a pseudonym; `source` is `api`, or the CRM
    in one of whose fields it was written.
    """

    tenant: str
    lead: str
    override_id: str
    grade: str
    reason: str
    by: str
    source: str
    decided_at: Millis
    expires_at: Millis

    def is_standing(self, now: Millis) -> bool:
        """Whether it counts at this instant."""
        return self.grade != REVOKED and now < self.expires_at


def effective(score: LeadScore, override: Override | None, now: Millis) -> LeadScore:
    """The score as people are to act on it: with the grade that a person gave, while that stands.

    A decision, its end and its revocation each count as a scoring of their own time, so that they come later than what was shown before.

    Parameters
    ----------
    score
        As it was computed.
    override
        The lead's latest decision; None: there was none.
    now
        Wall-clock.
    """
    if override is None:
        return score
    changed_at = override.decided_at if override.grade == REVOKED or override.is_standing(now) else override.expires_at
    graded = score._replace(scored_at=Millis(max(score.scored_at, changed_at)))
    return graded._replace(grade=override.grade) if override.is_standing(now) else graded
