"""Which record of a CRM stands for a lead."""

from typing import NamedTuple

from schemas.ids import Millis

LINKED, MERGED_AWAY, DELETED, ERASED = "linked", "merged", "deleted", "erased"
LINK_STATES = (LINKED, MERGED_AWAY, DELETED, ERASED)
"""The record stands for the lead; it was merged into another lead's; it was deleted; its person asked to be forgotten."""


class CrmLink(NamedTuple):
    """A link as it is now. Key: `tenant|lead`; Kafka timestamp: `changed_at`. Identity: (`tenant`, `lead`, `crm`, `changed_at`).

    `changed_at` is when it was learned, by the wall clock: a push that was acknowledged links too, and its time must compare with the others'.
    While `state` is not LINKED nothing is pushed to that CRM for the lead.
    """

    tenant: str
    lead: str
    crm: str
    record: str
    state: str
    changed_at: Millis
