"""Which records of CRMs stand for a lead, and which lead does a record stand for."""

from collections.abc import Sequence

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.months import millis
from schemas.crm_link import CrmLink

OF_LEAD = "SELECT tenant, lead, crm, record, state, changed_at FROM links_by_lead WHERE tenant = ? AND lead = ?"
OF_RECORD = "SELECT tenant, lead, crm, record, state, changed_at FROM leads_by_record WHERE tenant = ? AND crm = ? AND record = ?"


class LinkStore:
    """Links between leads and records."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def of_lead(self, tenant: str, lead: str) -> list[CrmLink]:
        """A lead's records, one for each CRM that was ever heard of, by CRM."""
        return [_link(row) for row in self._client.rows(OF_LEAD, (tenant, lead))]

    def of_records(self, tenant: str, crm: str, records: Sequence[str]) -> dict[str, CrmLink]:
        """Record → its link, for those that stand, or stood, for a lead."""
        rows = self._client.rows_of_all(OF_RECORD, [(tenant, crm, record) for record in records])
        return {row.record: _link(row) for row in rows}


def _link(row: object) -> CrmLink:
    fields = row._asdict()  # type: ignore[attr-defined]
    return CrmLink(**(fields | {"changed_at": millis(fields["changed_at"])}))
