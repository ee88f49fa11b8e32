"""What did this lead do."""

from collections.abc import Iterable
from typing import NamedTuple

from connectors.cassandra.client import CassandraClient, Row
from connectors.cassandra.months import millis, months_back
from connectors.cassandra.page import Moment, Page, page_of, walk
from schemas.ids import Millis

BOUNDS = "SELECT first_seen, last_seen FROM profiles_by_lead WHERE tenant = ? AND lead = ?"
HISTORY = (
    "SELECT event_id, type, channel, occurred_at, received_at, texts, numbers, context FROM events_by_lead"
    " WHERE tenant = ? AND lead = ? AND month = ? AND (occurred_at) >= (?) AND (occurred_at, event_id) < (?, ?) LIMIT ?"
)


class StoredEvent(NamedTuple):
    """An event as it is shown: without the profile, and without whatever names a person."""

    event_id: str
    type: str
    channel: str
    occurred_at: Millis
    received_at: Millis
    texts: dict[str, str]
    numbers: dict[str, float]
    context: dict[str, str]


class EventStore:
    """Events of a lead."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def history(self, tenant: str, lead: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None) -> Page[StoredEvent, Moment]:
        """Events with `occurred_at` in [since, until), newest first, from after a position on."""
        bounds = self._client.row(BOUNDS, (tenant, lead))
        if bounds is None or bounds.last_seen is None or bounds.first_seen is None:
            return Page([], None)
        below = min(after or Moment(until, ""), Moment(until, ""))

        def fetch(month: int, count: int) -> Iterable[Row]:
            return self._client.rows(HISTORY, (tenant, lead, month, since, *below, count))

        months = months_back(Millis(min(millis(bounds.last_seen), below.at)), Millis(max(millis(bounds.first_seen), since)))
        return page_of([_event(row) for row in walk(months, fetch, limit + 1)], limit, lambda event: Moment(event.occurred_at, event.event_id))


def _event(row: Row) -> StoredEvent:
    maps = (dict(row.texts or {}), dict(row.numbers or {}), dict(row.context or {}))
    return StoredEvent(row.event_id, row.type, row.channel, millis(row.occurred_at), millis(row.received_at), *maps)
