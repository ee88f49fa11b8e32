"""One table: topic → what its values are."""

from enum import StrEnum

from schemas.champion_choice import ChampionChoice
from schemas.crm_change import CrmChange
from schemas.crm_link import CrmLink
from schemas.dead_letter import DeadLetter
from schemas.enriched import EnrichedEvent
from schemas.event import Event
from schemas.example import MaturedExample
from schemas.identity import IdentityClaim, LeadMoved
from schemas.metric import Metric
from schemas.model_snapshot import ModelSnapshot
from schemas.outcome import Outcome
from schemas.override import Override
from schemas.push import PushReport
from schemas.score import LeadScore
from schemas.sent_request import SentRequest

Value = (
    SentRequest
    | Event
    | EnrichedEvent
    | Outcome
    | LeadScore
    | MaturedExample
    | ModelSnapshot
    | Metric
    | ChampionChoice
    | PushReport
    | CrmChange
    | CrmLink
    | Override
    | DeadLetter
    | IdentityClaim
    | LeadMoved
)


class Topic(StrEnum):
    """Every topic of ProX, by what it holds."""

    REQUESTS_RECEIVED = "prox.requests.received.v1"
    EVENTS_RECEIVED = "prox.events.received.v1"
    OUTCOMES_RECEIVED = "prox.outcomes.received.v1"
    EVENTS_ENRICHED = "prox.events.enriched.v1"
    SCORES_PUBLISHED = "prox.scores.published.v1"
    EXAMPLES_MATURED = "prox.examples.matured.v1"
    MODELS_PUBLISHED = "prox.models.published.v1"
    METRICS_PUBLISHED = "prox.metrics.published.v1"
    CHAMPIONS_CHOSEN = "prox.champions.chosen.v1"
    PUSHES_REPORTED = "prox.pushes.reported.v1"
    CHANGES_NOTICED = "prox.changes.noticed.v1"
    LINKS_CHANGED = "prox.links.changed.v1"
    OVERRIDES_DECIDED = "prox.overrides.decided.v1"
    RECORDS_DEAD = "prox.records.dead.v1"
    IDENTITIES_CLAIMED = "prox.identities.claimed.v1"
    LEADS_MOVED = "prox.leads.moved.v1"


VALUE_TYPES: dict[Topic, type[Value]] = {
    Topic.REQUESTS_RECEIVED: SentRequest,
    Topic.EVENTS_RECEIVED: Event,
    Topic.OUTCOMES_RECEIVED: Outcome,
    Topic.EVENTS_ENRICHED: EnrichedEvent,
    Topic.SCORES_PUBLISHED: LeadScore,
    Topic.EXAMPLES_MATURED: MaturedExample,
    Topic.MODELS_PUBLISHED: ModelSnapshot,
    Topic.METRICS_PUBLISHED: Metric,
    Topic.CHAMPIONS_CHOSEN: ChampionChoice,
    Topic.PUSHES_REPORTED: PushReport,
    Topic.CHANGES_NOTICED: CrmChange,
    Topic.LINKS_CHANGED: CrmLink,
    Topic.OVERRIDES_DECIDED: Override,
    Topic.RECORDS_DEAD: DeadLetter,
    Topic.IDENTITIES_CLAIMED: IdentityClaim,
    Topic.LEADS_MOVED: LeadMoved,
}
