"""What became of a push: a score on its way to a CRM."""

from typing import NamedTuple

from schemas.ids import Millis

DELIVERED = "delivered"
SURPASSED = "surpassed"
SKIPPED = "skipped"
REFUSED = "refused"
PUSH_STATUSES = (DELIVERED, SURPASSED, SKIPPED, REFUSED)
"""The CRM shows it; the CRM shows a later one already; there is no record to show it on; the CRM will not take it."""


class PushReport(NamedTuple):
    """A push that ended. Key: `tenant|lead`; Kafka timestamp: `reported_at`. Identity: (`tenant`, `lead`, `crm`, `event_id`, `as_of`).

    `event_id` to `model_version` are the score's own. `record` is the CRM's id of the lead's record, empty where there is none.
    `cause` is why it was pushed: `first`, `grade`, `fall` (a grade a little lower), `move` or `repair`; `reason` is the CRM's word for a refusal.
    `due_since` is when the cause arose, `reported_at` when the CRM had answered: both wall-clock. `attempts` counts requests that carried it.
    """

    tenant: str
    lead: str
    crm: str
    event_id: str
    sequence: int
    as_of: Millis
    propensity: float
    grade: str
    model_version: int
    status: str
    cause: str
    reason: str
    record: str
    attempts: int
    due_since: Millis
    reported_at: Millis
