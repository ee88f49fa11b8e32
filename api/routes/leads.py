"""Leads: who they are, how they score, what they did, whom to call first."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from api import cursors
from api.deps import ClockDep, LeadPath, Paging, PolicyDep, SpanDep, StoresDep, TenantDep
from api.problems import ProblemError
from api.shapes import (
    EventPublic,
    LeadPublic,
    LinkPublic,
    OutcomePublic,
    OverridePublic,
    PagePublic,
    ProfilePublic,
    RankedLeadPublic,
    ScorePublic,
    ShownPublic,
)
from api.stores import Stores
from connectors.cassandra.leads import Standing
from connectors.cassandra.page import Moment
from connectors.cassandra.ranking import GRADES
from schemas.override import effective

router = APIRouter(prefix="/v1/leads", tags=["leads"])


class Ranking(Paging):
    """Whom to call first."""

    grade: list[Annotated[str, Field(pattern="^[A-D][1-3]?$")]] = Field(
        default=[], max_length=len(GRADES), description="Only these grades: `B2`, or `A` for A1 to A3. May be repeated.", examples=[["A", "B1"]]
    )
    order: Literal["-propensity"] = Field(default="-propensity", description="Highest propensity first.")


@router.get("", summary="Whom to call first")
def ranked_leads(tenant: TenantDep, stores: StoresDep, query: Annotated[Ranking, Query()]) -> PagePublic[RankedLeadPublic]:
    """Leads in order of falling propensity, of all grades or some."""
    grades = frozenset(grade for grade in GRADES if not query.grade or any(grade.startswith(wanted) for wanted in query.grade))
    question = f"{tenant} leads {sorted(grades)}"
    after = None
    if query.cursor is not None:
        propensity, lead = cursors.decode(question, query.cursor, float, str)
        after = Standing(float(propensity), str(lead))
    page = stores.leads.ranked(tenant, grades=grades, limit=query.limit, after=after)
    return PagePublic(items=[RankedLeadPublic.of(item) for item in page.items], next=page.next and cursors.encode(question, page.next))


@router.get("/{lead}", summary="Everything about a lead")
def lead_view(tenant: TenantDep, stores: StoresDep, policy: PolicyDep, clock: ClockDep, lead: LeadPath) -> LeadPublic:
    """Profile, latest score with its reasons and when the lead may convert, latest outcome, a person's override, and what each CRM shows."""
    profile, score, outcome = stores.profiles.profile(tenant, lead), stores.scores.latest(tenant, lead), stores.outcomes.latest(tenant, lead)
    if profile is None and score is None and outcome is None:
        raise _unknown(lead)
    now, override = clock(), stores.overrides.latest(tenant, lead)
    acted_on = score and effective(score, override, now)
    return LeadPublic(
        lead=lead,
        grade=acted_on and acted_on.grade,
        override=None if override is None else OverridePublic.of(override, now),
        profile=profile and ProfilePublic.of(profile),
        score=score and ScorePublic.of(score, policy),
        outcome=outcome and OutcomePublic.of(outcome),
        crm=[ShownPublic.of(pushed, acted_on) for pushed in stores.pushes.latest(tenant, lead)],
        links=[LinkPublic.of(link) for link in stores.links.of_lead(tenant, lead)],
    )


@router.get("/{lead}/scores", summary="How a lead's score moved")
def score_history(tenant: TenantDep, stores: StoresDep, policy: PolicyDep, lead: LeadPath, query: SpanDep) -> PagePublic[ScorePublic]:
    """Scores, newest first; one for each event that was scored."""
    question = f"{tenant} scores {lead}"
    page = stores.scores.history(
        tenant, lead, since=query.since_ms(), until=query.until_ms(), limit=query.limit, after=moment(question, query.cursor)
    )
    if not page.items:
        check_known(stores, tenant, lead)
    return PagePublic(items=[ScorePublic.of(item, policy) for item in page.items], next=page.next and cursors.encode(question, page.next))


@router.get("/{lead}/events", summary="What a lead did")
def event_history(tenant: TenantDep, stores: StoresDep, lead: LeadPath, query: SpanDep) -> PagePublic[EventPublic]:
    """Events, newest first."""
    question = f"{tenant} events {lead}"
    page = stores.events.history(
        tenant, lead, since=query.since_ms(), until=query.until_ms(), limit=query.limit, after=moment(question, query.cursor)
    )
    if not page.items:
        check_known(stores, tenant, lead)
    return PagePublic(items=[EventPublic.of(item) for item in page.items], next=page.next and cursors.encode(question, page.next))


def moment(question: str, cursor: str | None) -> Moment | None:
    """The position that a cursor stands for, in rows that are ordered by time."""
    if cursor is None:
        return None
    at, id_ = cursors.decode(question, cursor, int, str)
    return Moment(int(at), str(id_))


def check_known(stores: Stores, tenant: str, lead: str) -> None:
    """An empty history of a lead that exists is an answer; of one that does not, a 404."""
    if stores.profiles.profile(tenant, lead) is None and stores.scores.latest(tenant, lead) is None and stores.outcomes.latest(tenant, lead) is None:
        raise _unknown(lead)


def _unknown(lead: str) -> ProblemError:
    return ProblemError(404, "unknown-lead", f"No lead {lead!r} is known.")
