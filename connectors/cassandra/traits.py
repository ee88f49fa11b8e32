"""What is known of this lead, who said so and when."""

from typing import NamedTuple

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.months import millis
from schemas.ids import Millis

TRAITS = "SELECT trait, value, source, said_at FROM traits_by_lead WHERE tenant = ? AND lead = ? LIMIT ?"
MOST = 1_000
"""Traits of a lead that are asked for, the first by name: an honest lead has some dozens."""


class StoredTrait(NamedTuple):
    """A trait as it was said last. `source` is that of the write key, a CRM or a file; empty where a producer named none."""

    name: str
    value: str | float
    source: str
    said_at: Millis


class TraitStore:
    """Traits by the id under which they were said."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def of_lead(self, tenant: str, lead: str) -> list[StoredTrait]:
        """Traits that were said under this id, by name; those of before they had rows are in the profile only."""
        rows = self._client.rows(TRAITS, (tenant, lead, MOST))
        return [StoredTrait(row.trait, next(v for v in row.value if v is not None), row.source, millis(row.said_at)) for row in rows]
