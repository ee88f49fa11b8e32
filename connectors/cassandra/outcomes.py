"""What did its CRM say happened to a lead."""

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.months import millis
from schemas.outcome import Outcome

LATEST = (
    "SELECT tenant, lead, outcome_id, outcome, occurred_at, received_at, amount, source FROM outcomes_by_lead WHERE tenant = ? AND lead = ? LIMIT 1"
)


class OutcomeStore:
    """Outcomes of a lead."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def latest(self, tenant: str, lead: str) -> Outcome | None:
        """The outcome that occurred last; None while nothing is known."""
        row = self._client.row(LATEST, (tenant, lead))
        return None if row is None else Outcome(**(row._asdict() | {"occurred_at": millis(row.occurred_at), "received_at": millis(row.received_at)}))
