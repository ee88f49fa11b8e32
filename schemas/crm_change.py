"""What a CRM says has changed in one of its records."""

from typing import NamedTuple

from schemas.ids import Millis

PERSON, DEAL = "person", "deal"
"""Kinds of records: what stands for somebody (a contact, a lead), and what may be won."""

UPDATED, DELETED, RESTORED, ERASED, MERGED = "updated", "deleted", "restored", "erased", "merged"
CHANGES = (UPDATED, DELETED, RESTORED, ERASED, MERGED)
"""What became of a record. ERASED is a person's right, and reaches further than DELETED."""


class CrmChange(NamedTuple):
    """A change as a webhook told it. Key: `tenant|crm:kind:record`; Kafka timestamp: `occurred_at`, the CRM's own time.

    (`tenant`, `crm`, `change_id`) is its identity: sent again, it is the same change.
    `field` is what was updated, empty for other changes; `value` is its new value only where it is a stage or an override:
    whatever may name a person is read from the CRM when it is needed, and never stands here. `into` is the record that `record` was merged into.
    """

    tenant: str
    crm: str
    change_id: str
    kind: str
    record: str
    change: str
    field: str
    value: str
    into: str
    occurred_at: Millis
    received_at: Millis

    @property
    def key(self) -> str:
        """Of its Kafka record: changes of one record stay in order."""
        return f"{self.tenant}|{self.crm}:{self.kind}:{self.record}"
