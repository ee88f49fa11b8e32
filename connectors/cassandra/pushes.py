"""What was pushed of a lead, and what do the CRMs show."""

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.months import millis
from schemas.push import PushReport

LATEST = (
    "SELECT tenant, lead, crm, event_id, sequence, as_of, propensity, grade, model_version, status, cause, reason, record, attempts,"
    " due_since, reported_at FROM pushes_by_lead WHERE tenant = ? AND lead = ?"
)


class PushStore:
    """Pushes of a lead."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def latest(self, tenant: str, lead: str) -> list[PushReport]:
        """The push of each CRM that carried the latest score, by CRM; empty while there was none."""
        found: dict[str, PushReport] = {}
        for row in self._client.rows(LATEST, (tenant, lead)):  # the newest of each CRM first
            if row.crm not in found:
                times = {name: millis(getattr(row, name)) for name in ("as_of", "due_since", "reported_at")}
                found[row.crm] = PushReport(**(row._asdict() | times))
        return list(found.values())
