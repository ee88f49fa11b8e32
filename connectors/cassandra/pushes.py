"""What was pushed of a lead, and what do the CRMs show."""

from collections.abc import Iterable
from typing import NamedTuple

from connectors.cassandra.client import CassandraClient, Row
from connectors.cassandra.months import millis
from schemas.ids import Millis
from schemas.push import DELIVERED, SURPASSED, PushReport

LATEST = (
    "SELECT tenant, lead, crm, event_id, sequence, as_of, propensity, grade, model_version, status, cause, reason, record, attempts,"
    " due_since, reported_at FROM pushes_by_lead WHERE tenant = ? AND lead = ?"
)


class Pushed(NamedTuple):
    """What a CRM was sent of a lead: the latest, and when it last took one, in ms; None: never."""

    latest: PushReport
    taken_at: Millis | None


def pushed_of(reports: Iterable[PushReport]) -> list[Pushed]:
    """By CRM; of one CRM the reports come with the newest score first."""
    latest: dict[str, PushReport] = {}
    taken: dict[str, Millis] = {}
    for report in reports:
        latest.setdefault(report.crm, report)
        if report.status in (DELIVERED, SURPASSED):
            taken[report.crm] = max(taken.get(report.crm, report.reported_at), report.reported_at)
    return [Pushed(report, taken.get(crm)) for crm, report in latest.items()]


class PushStore:
    """Pushes of a lead."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def latest(self, tenant: str, lead: str) -> list[Pushed]:
        """What each CRM was sent last, by CRM; empty while there was nothing."""
        return pushed_of(_report(row) for row in self._client.rows(LATEST, (tenant, lead)))


def _report(row: Row) -> PushReport:
    return PushReport(**(row._asdict() | {name: millis(getattr(row, name)) for name in ("as_of", "due_since", "reported_at")}))
