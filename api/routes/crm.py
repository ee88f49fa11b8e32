"""CRMs: how pushes are doing."""

from fastapi import APIRouter

from api.deps import StoresDep, TenantDep
from api.shapes import CrmAccountPublic, PagePublic
from connectors.crm.status import statuses_of

router = APIRouter(prefix="/v1/crm", tags=["crm"])


@router.get("/status", summary="How pushes to CRMs are doing")
def crm_status(tenant: TenantDep, stores: StoresDep) -> PagePublic[CrmAccountPublic]:
    """What is due, what is left of the quota, what failed, and whether a person must act; one item for each CRM."""
    return PagePublic(items=[CrmAccountPublic.of(item) for item in statuses_of(stores.metrics.latest(tenant))], next=None)
