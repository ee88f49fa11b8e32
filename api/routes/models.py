"""Models: which were published."""

from fastapi import APIRouter

from api import cursors
from api.deps import PagingDep, StoresDep, TenantDep
from api.shapes import ModelPublic, PagePublic

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", summary="Models, newest first")
def models(tenant: TenantDep, stores: StoresDep, query: PagingDep) -> PagePublic[ModelPublic]:
    """What each model has learned from, and until when."""
    question = f"{tenant} models"
    after = None if query.cursor is None else int(cursors.decode(question, query.cursor, int)[0])
    page = stores.models.versions(tenant, limit=query.limit, after=after)
    return PagePublic(items=[ModelPublic.of(item) for item in page.items], next=None if page.next is None else cursors.encode(question, (page.next,)))
