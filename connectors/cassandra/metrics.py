"""How good is the model, now and then."""

from collections.abc import Iterable

from connectors.cassandra.client import CassandraClient, Row
from connectors.cassandra.months import millis, months_back
from connectors.cassandra.page import Moment, Page, page_of, walk
from schemas.ids import Millis
from schemas.metric import Metric

LATEST = "SELECT tenant, name, model, as_of, value, points, model_version, first_as_of FROM metrics_by_tenant WHERE tenant = ?"
BOUNDS = "SELECT as_of, first_as_of FROM metrics_by_tenant WHERE tenant = ? AND name = ?"
HISTORY = (
    "SELECT tenant, name, model, as_of, value, points, model_version FROM metric_history_by_tenant"
    " WHERE tenant = ? AND name = ? AND month = ? AND (as_of) >= (?) AND (as_of, model) < (?, ?) LIMIT ?"
)


class MetricStore:
    """Metrics of a tenant."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def latest(self, tenant: str) -> list[Metric]:
        """The newest measurement of each name and model."""
        return [_metric(row) for row in self._client.rows(LATEST, (tenant,)) if row.as_of is not None]

    def history(self, tenant: str, name: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None) -> Page[Metric, Moment]:
        """Measurements of one name with `as_of` in [since, until), newest first, from after a position on."""
        bounds = [row for row in self._client.rows(BOUNDS, (tenant, name)) if row.as_of is not None]
        if not bounds:
            return Page([], None)
        below = min(after or Moment(until, ""), Moment(until, ""))
        newest, oldest = max(millis(row.as_of) for row in bounds), min(millis(row.first_as_of or row.as_of) for row in bounds)

        def fetch(month: int, count: int) -> Iterable[Row]:
            return self._client.rows(HISTORY, (tenant, name, month, since, *below, count))

        months = months_back(Millis(min(newest, below.at)), Millis(max(oldest, since)))
        return page_of([_metric(row) for row in walk(months, fetch, limit + 1)], limit, lambda metric: Moment(metric.as_of, metric.model))


def _metric(row: Row) -> Metric:
    return Metric(row.tenant, row.name, row.model, millis(row.as_of), row.value, row.points, row.model_version)
