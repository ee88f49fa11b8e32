"""What did people decide on a lead's grade, and who decided what."""

from collections.abc import Iterable

from connectors.cassandra.client import CassandraClient, Row
from connectors.cassandra.months import millis, months_back
from connectors.cassandra.page import Moment, Page, page_of, walk
from schemas.ids import Millis
from schemas.override import Override

COLUMNS = "lead, override_id, grade, reason, decided_by, source, decided_at, expires_at"
OF_LEAD = f"SELECT {COLUMNS} FROM overrides_by_lead WHERE tenant = ? AND lead = ? AND (decided_at, override_id) < (?, ?) LIMIT ?"  # noqa: S608 - constants
OF_TENANT = (
    f"SELECT {COLUMNS} FROM overrides_by_tenant WHERE tenant = ? AND month = ?"  # noqa: S608 - constants
    " AND (decided_at) >= (?) AND (decided_at, override_id) < (?, ?) LIMIT ?"
)
END = Moment((1 << 42) - 1, "")


class OverrideStore:
    """Decisions, the latest first."""

    OLDEST = Millis(1_767_225_600_000)
    """2026-01-01: there were none before, and a walk over months must end."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def latest(self, tenant: str, lead: str) -> Override | None:
        """The lead's latest decision, also one that has expired or takes another back; None: there was none."""
        return next(iter(self.of_lead(tenant, lead, limit=1).items), None)

    def of_lead(self, tenant: str, lead: str, *, limit: int, after: Moment | None = None) -> Page[Override, Moment]:
        """A lead's decisions, from after a position on."""
        rows = self._client.rows(OF_LEAD, (tenant, lead, *(after or END), limit + 1))
        return page_of([_override(tenant, row) for row in rows], limit, _moment)

    def of_tenant(self, tenant: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None) -> Page[Override, Moment]:
        """All leads' decisions with `decided_at` in [since, until), from after a position on."""
        below = min(after or Moment(until, ""), Moment(until, ""))

        def fetch(month: int, count: int) -> Iterable[Row]:
            return self._client.rows(OF_TENANT, (tenant, month, since, *below, count))

        rows = walk(months_back(Millis(max(0, below.at)), since), fetch, limit + 1)
        return page_of([_override(tenant, row) for row in rows], limit, _moment)


def _override(tenant: str, row: Row) -> Override:
    times = {"decided_at": millis(row.decided_at), "expires_at": millis(row.expires_at)}
    fields = row._asdict() | times
    return Override(tenant=tenant, by=fields.pop("decided_by"), **fields)


def _moment(override: Override) -> Moment:
    return Moment(override.decided_at, override.override_id)
