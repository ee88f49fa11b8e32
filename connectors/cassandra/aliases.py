"""Which lead does an id stand for, and which ids stand for a lead."""

from connectors.cassandra.client import CassandraClient

LEAD = "SELECT lead FROM leads_by_alias WHERE tenant = ? AND alias = ?"
ALIASES = "SELECT alias FROM aliases_by_lead WHERE tenant = ? AND lead = ? LIMIT ?"
MOST = 32
"""Ids of a lead that are asked for: a person has a handful; beyond, what was written under the others is left out of an answer."""


class AliasStore:
    """Ids of leads that proved to be one."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def lead_of(self, tenant: str, name: str) -> str | None:
        """The lead that an id stands for; None: it never moved, and is its own."""
        row = self._client.row(LEAD, (tenant, name))
        return None if row is None or row.lead is None else str(row.lead)

    def aliases_of(self, tenant: str, lead: str) -> list[str]:
        """Other ids that stand for a lead, in order of text."""
        return [row.alias for row in self._client.rows(ALIASES, (tenant, lead, MOST))]
