"""Overrides: a person's word on a lead's grade, beside the computed score."""

from secrets import token_hex
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api import cursors
from api.deps import ClockDep, DecisionsDep, PagingDep, SpanDep, StoresDep, TenantDep
from api.known_as import KnownAsDep, latest_override, one_history
from api.problems import ProblemError
from api.routes.leads import check_known, moment
from api.shapes import OverrideGiven, OverridePublic, PagePublic
from connectors.cassandra.page import Moment
from schemas.ids import Millis
from schemas.override import REVOKED, Override

SOURCE = "api"

router = APIRouter(prefix="/v1", tags=["overrides"])


class Revoking(BaseModel):
    """Who takes an override back, and why."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=100, description="Who decides: a role or a pseudonym.", examples=["sales-lead"])
    reason: str = Field(default="", max_length=200, description="Why; no names, as it is kept and shown.", examples=["the meeting was called off"])


@router.put("/leads/{lead}/override", summary="Give a lead a grade by hand")
def override(
    tenant: TenantDep, stores: StoresDep, decisions: DecisionsDep, clock: ClockDep, known_as: KnownAsDep, given: OverrideGiven
) -> OverridePublic:
    """The grade that people and CRMs act on until it expires; the computed score goes on beside it, and nothing overwrites it silently."""
    check_known(stores, tenant, known_as)
    now = clock()
    expires_at = given.expires_ms()
    if not now < expires_at <= now + given.LONGEST_MS:
        raise ProblemError(422, "invalid-request", "expires_at must be ahead of now, by a year at most.")
    at = _after(latest_override(stores, tenant, known_as.names), now)
    decided = Override(tenant, known_as.lead, f"{at}-{token_hex(4)}", given.grade, given.reason, given.by, SOURCE, at, expires_at)
    decisions.decide(decided)
    return OverridePublic.of(decided, at)


@router.delete("/leads/{lead}/override", summary="Take an override back")
def revoke(
    tenant: TenantDep, stores: StoresDep, decisions: DecisionsDep, clock: ClockDep, known_as: KnownAsDep, query: Annotated[Revoking, Query()]
) -> OverridePublic:
    """The computed grade counts again. What was decided before stays on record."""
    now = clock()
    standing = latest_override(stores, tenant, known_as.names)
    if standing is None or not standing.is_standing(now):
        raise ProblemError(404, "no-override", f"No override of lead {known_as.lead!r} is standing.")
    at = _after(standing, now)
    decided = Override(tenant, known_as.lead, f"{at}-{token_hex(4)}", REVOKED, query.reason, query.by, SOURCE, at, at)
    decisions.decide(decided)
    return OverridePublic.of(decided, at)


@router.get("/leads/{lead}/overrides", summary="Who decided what on a lead")
def overrides_of_lead(tenant: TenantDep, stores: StoresDep, clock: ClockDep, known_as: KnownAsDep, query: PagingDep) -> PagePublic[OverridePublic]:
    """Decisions, newest first: those that stand, have expired, or take others back."""
    question = f"{tenant} overrides of {known_as.lead}"
    after = moment(question, query.cursor)
    pages = (stores.overrides.of_lead(tenant, name, limit=query.limit, after=after) for name in known_as.names)
    page = one_history(pages, query.limit, lambda decided: Moment(decided.decided_at, decided.override_id))
    if not page.items:
        check_known(stores, tenant, known_as)
    now = clock()
    return PagePublic(items=[OverridePublic.of(item, now) for item in page.items], next=page.next and cursors.encode(question, page.next))


@router.get("/overrides", summary="Who decided what")
def overrides(tenant: TenantDep, stores: StoresDep, clock: ClockDep, query: SpanDep) -> PagePublic[OverridePublic]:
    """Decisions on all leads, newest first, by when they were made."""
    question, now = f"{tenant} overrides", clock()
    until = Millis(min(query.until_ms(), now + 1))  # a decision is of now: nothing lies ahead, and months that are empty need not be walked
    since = max(query.since_ms(), stores.overrides.OLDEST)
    page = stores.overrides.of_tenant(tenant, since=since, until=until, limit=query.limit, after=moment(question, query.cursor))
    return PagePublic(items=[OverridePublic.of(item, now) for item in page.items], next=page.next and cursors.encode(question, page.next))


def _after(before: Override | None, now: Millis) -> Millis:
    """When a decision is made: later than the one before it, whatever the clocks of two servers say."""
    return now if before is None else Millis(max(now, before.decided_at + 1))
