"""Leads: who they are, how they score, what they did, whom to call first."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from api import cursors
from api.deps import ClockDep, Paging, PolicyDep, SpanDep, StoresDep, TenantDep
from api.known_as import KnownAs, KnownAsDep, latest_override, latest_traits, one_history, one_profile
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
from models.moving import OWN_SOURCE
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
def lead_view(tenant: TenantDep, stores: StoresDep, policy: PolicyDep, clock: ClockDep, known_as: KnownAsDep) -> LeadPublic:
    """Profile, latest score with its reasons and when the lead may convert, latest outcome, a person's override, and what each CRM shows."""
    lead, names = known_as
    profile, score = one_profile(stores.profiles.profile(tenant, name) for name in names), stores.scores.latest(tenant, lead)
    outcomes = [outcome for name in names if (outcome := stores.outcomes.latest(tenant, name)) is not None]
    # what the jobs pass on from an old id says less than what the CRM said of it
    outcome = max(outcomes, key=lambda one: (one.occurred_at, one.source != OWN_SOURCE), default=None)
    if profile is None and score is None and outcome is None:
        raise _unknown(lead)
    now, override = clock(), latest_override(stores, tenant, names)
    acted_on = score and effective(score, override, now)
    return LeadPublic(
        lead=lead,
        grade=acted_on and acted_on.grade,
        override=None if override is None else OverridePublic.of(override, now),
        also_known_as=list(names[1:]),
        profile=profile and ProfilePublic.of(profile, latest_traits(stores, tenant, names)),
        score=score and ScorePublic.of(score, policy),
        outcome=outcome and OutcomePublic.of(outcome),
        crm=[ShownPublic.of(pushed, acted_on) for pushed in stores.pushes.latest(tenant, lead)],
        links=[LinkPublic.of(link) for name in names for link in stores.links.of_lead(tenant, name)],
    )


@router.get("/{lead}/scores", summary="How a lead's score moved")
def score_history(tenant: TenantDep, stores: StoresDep, policy: PolicyDep, known_as: KnownAsDep, query: SpanDep) -> PagePublic[ScorePublic]:
    """Scores, newest first; one for each event that was scored, under whichever id of the lead."""
    question = f"{tenant} scores {known_as.lead}"
    span, after = {"since": query.since_ms(), "until": query.until_ms()}, moment(question, query.cursor)
    pages = (stores.scores.history(tenant, name, limit=query.limit, after=after, **span) for name in known_as.names)
    page = one_history(pages, query.limit, lambda score: Moment(score.as_of, score.event_id))
    if not page.items:
        check_known(stores, tenant, known_as)
    return PagePublic(items=[ScorePublic.of(item, policy) for item in page.items], next=page.next and cursors.encode(question, page.next))


@router.get("/{lead}/events", summary="What a lead did")
def event_history(tenant: TenantDep, stores: StoresDep, known_as: KnownAsDep, query: SpanDep) -> PagePublic[EventPublic]:
    """Events, newest first, under whichever id of the lead."""
    question = f"{tenant} events {known_as.lead}"
    span, after = {"since": query.since_ms(), "until": query.until_ms()}, moment(question, query.cursor)
    pages = (stores.events.history(tenant, name, limit=query.limit, after=after, **span) for name in known_as.names)
    page = one_history(pages, query.limit, lambda event: Moment(event.occurred_at, event.event_id))
    if not page.items:
        check_known(stores, tenant, known_as)
    return PagePublic(items=[EventPublic.of(item) for item in page.items], next=page.next and cursors.encode(question, page.next))


def moment(question: str, cursor: str | None) -> Moment | None:
    """The position that a cursor stands for, in rows that are ordered by time."""
    if cursor is None:
        return None
    at, id_ = cursors.decode(question, cursor, int, str)
    return Moment(int(at), str(id_))


def check_known(stores: Stores, tenant: str, known_as: KnownAs) -> None:
    """An empty history of a lead that exists is an answer; of one that does not, a 404."""
    stored = (stores.profiles.profile, stores.scores.latest, stores.outcomes.latest)
    if all(find(tenant, name) is None for name in known_as.names for find in stored):
        raise _unknown(known_as.lead)


def _unknown(lead: str) -> ProblemError:
    return ProblemError(404, "unknown-lead", f"No lead {lead!r} is known.")
