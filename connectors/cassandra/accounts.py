"""Which leads of this company may buy (docs/adr/0041-keep-an-accounts-leads-in-one-partition.md)."""

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.leads import RankedLead
from connectors.cassandra.months import millis

LEADS = "SELECT lead, grade, propensity, as_of FROM leads_by_account WHERE tenant = ? AND account = ? LIMIT ?"
MOST = 1_000
"""Open leads of one company: a partition is read whole, some 60 kB at most. What has more is hardly a company, but a mailbox's domain."""


class AccountStore:
    """Open leads of an account."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def leads_of(self, tenant: str, account: str) -> list[RankedLead]:
        """The account's open leads, best first; of more than MOST, the first MOST + 1 by name, which stand for nothing."""
        rows = self._client.rows(LEADS, (tenant, account, MOST + 1))
        leads = (RankedLead(row.lead, row.grade, row.propensity, millis(row.as_of)) for row in rows)
        return sorted(leads, key=lambda lead: (-lead.propensity, lead.lead))
