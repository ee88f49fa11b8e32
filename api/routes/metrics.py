"""Metrics: how good the model is."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api import cursors
from api.deps import Span, StoresDep, TenantDep
from api.problems import ProblemError
from api.shapes import MetricPublic, PagePublic
from connectors.cassandra.page import Moment
from connectors.crm.status import PREFIX

router = APIRouter(prefix="/v1/metrics", tags=["models"])


class Measured(Span):
    """Which measurements."""

    name: str | None = Field(
        default=None, min_length=1, max_length=256, description="The history of this one; without it, the latest of each.", examples=["auc"]
    )


@router.get("", summary="How good the model is")
def metrics(tenant: TenantDep, stores: StoresDep, query: Annotated[Measured, Query()]) -> PagePublic[MetricPublic]:
    """The latest measurement of each name and model, or with `name` its history, newest first."""
    if query.name is None:
        if query.model_fields_set & {"since", "until", "cursor"}:
            raise ProblemError(400, "name-missing", "A history has one name: add `name=auc`, or leave out `from`, `to` and `cursor`.")
        of_models = (metric for metric in stores.metrics.latest(tenant) if not metric.name.startswith(PREFIX))  # CRMs' are at /v1/crm/status
        latest = sorted(of_models, key=lambda metric: (metric.name, metric.model))
        return PagePublic(items=[MetricPublic.of(item) for item in latest], next=None)
    question = f"{tenant} metrics {query.name}"
    after = None
    if query.cursor is not None:
        at, model = cursors.decode(question, query.cursor, int, str)
        after = Moment(int(at), str(model))
    page = stores.metrics.history(tenant, query.name, since=query.since_ms(), until=query.until_ms(), limit=query.limit, after=after)
    return PagePublic(items=[MetricPublic.of(item) for item in page.items], next=page.next and cursors.encode(question, page.next))
