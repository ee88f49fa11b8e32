"""What a CRM says happened to a lead."""

from typing import NamedTuple

from schemas.ids import Millis

WON = "won"
LOST = "lost"
DISQUALIFIED = "disqualified"
CLOSING = frozenset({WON, LOST, DISQUALIFIED})
REOPENED = "reopened"
"""A correction: what was said of the lead before does not hold any more."""
OUTCOMES = (WON, LOST, DISQUALIFIED, REOPENED)


class Outcome(NamedTuple):
    """An outcome received. Key: `tenant|lead`; Kafka timestamp: `occurred_at`, the CRM's own time of the fact."""

    tenant: str
    lead: str
    outcome_id: str
    outcome: str
    occurred_at: Millis
    received_at: Millis
    amount: float | None = None
    source: str = "crm"
