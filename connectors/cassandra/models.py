"""Which models were published."""

from typing import NamedTuple

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.months import millis
from connectors.cassandra.page import Page, page_of
from schemas.ids import Millis

VERSIONS = (
    "SELECT version, as_of, learner, examples, labels, payload_bytes, published_at FROM models_by_tenant WHERE tenant = ? AND version < ? LIMIT ?"
)
ALL_VERSIONS = (1 << 63) - 1


class StoredModel(NamedTuple):
    """A model snapshot without its payload."""

    version: int
    as_of: Millis
    learner: str
    examples: int
    labels: int
    payload_bytes: int
    published_at: Millis


class ModelStore:
    """Models of a tenant."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def versions(self, tenant: str, *, limit: int, after: int | None = None) -> Page[StoredModel, int]:
        """Models, the newest version first, from below a version on."""
        rows = self._client.rows(VERSIONS, (tenant, ALL_VERSIONS if after is None else after, limit + 1))
        models = [StoredModel(**(row._asdict() | {"as_of": millis(row.as_of), "published_at": millis(row.published_at)})) for row in rows]
        return page_of(models, limit, lambda model: model.version)
