"""Health: is the process up, and can it answer."""

from fastapi import APIRouter

from api.deps import StoresDep
from api.problems import RETRY_AFTER_S, ProblemError
from api.shapes import HealthPublic
from schemas.errors import ProxError

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="Is the process up")
def live() -> HealthPublic:
    """Yes, if it answers. Restart it if it does not."""
    return HealthPublic(status="live")


@router.get("/ready", summary="Can it answer")
def ready(stores: StoresDep) -> HealthPublic:
    """Whether Cassandra answers and its tables are there. Send no requests while it does not."""
    try:
        stores.ping()
    except ProxError as exc:
        detail = "Cassandra does not answer, or its keyspace was not migrated."
        raise ProblemError(503, "not-ready", detail, headers={"Retry-After": str(RETRY_AFTER_S)}) from exc
    return HealthPublic(status="ready")
