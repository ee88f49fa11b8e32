"""What did a CRM's record say before, and how far was each CRM followed: a follower's memory."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.months import millis
from connectors.cassandra.timestamps import write_timestamp_of
from schemas.ids import Millis

KNOWN = "SELECT record, field, at, value FROM values_by_record WHERE tenant = ? AND crm = ? AND record = ?"
INSERT = "INSERT INTO values_by_record (tenant, crm, record, field, at, value) VALUES (?, ?, ?, ?, ?, ?)"
CURSOR = "SELECT cursor FROM cursors_by_tenant WHERE tenant = ? AND crm = ?"
MOVE = "INSERT INTO cursors_by_tenant (tenant, crm, cursor, moved_at) VALUES (?, ?, ?, ?) USING TIMESTAMP ?"


class KnownValue(NamedTuple):
    """What a field of a record said since an instant."""

    record: str
    field: str
    at: Millis
    value: str


class ValueStore:
    """Values of the fields that are followed."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def known(self, tenant: str, crm: str, records: Sequence[str]) -> list[KnownValue]:
        """What is remembered of these records, of each field in order of time."""
        rows = self._client.rows_of_all(KNOWN, [(tenant, crm, record) for record in records])
        return [KnownValue(row.record, row.field, millis(row.at), row.value) for row in rows]

    def remember(self, tenant: str, crm: str, values: Iterable[KnownValue]) -> None:
        """Keep values; again is the same."""
        list(self._client.rows_of_all(INSERT, [(tenant, crm, v.record, v.field, v.at, v.value) for v in values]))


class CursorStore:
    """How far each CRM was followed."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def cursor(self, tenant: str, crm: str) -> str:
        """Where to go on; empty: at the beginning."""
        row = self._client.row(CURSOR, (tenant, crm))
        return "" if row is None else row.cursor or ""

    def move(self, tenant: str, crm: str, cursor: str, now: Millis) -> None:
        """All before this place was published and acknowledged."""
        self._client.row(MOVE, (tenant, crm, cursor, now, write_timestamp_of(now)))
