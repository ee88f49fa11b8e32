"""Names of tenants, leads and events, and the key that joins them."""

from typing import NewType

TenantId = NewType("TenantId", str)
LeadId = NewType("LeadId", str)
AccountId = NewType("AccountId", str)
EventId = NewType("EventId", str)
ModelVersion = NewType("ModelVersion", int)
Millis = NewType("Millis", int)
"""An instant: milliseconds since 1970-01-01T00:00:00Z. The unit of every time on the wire."""

KEY_SEPARATOR = "|"


def lead_key(tenant: str, lead: str) -> str:
    """`tenant|lead`: the key of every record that speaks of a lead.

    A tenant holds no separator (`schemas.event` refuses it), so the key splits one way only.
    """
    return f"{tenant}{KEY_SEPARATOR}{lead}"


def split_lead_key(key: str) -> tuple[TenantId, LeadId]:
    """The tenant and the lead of a key made by `lead_key`."""
    tenant, _, lead = key.partition(KEY_SEPARATOR)
    return TenantId(tenant), LeadId(lead)
