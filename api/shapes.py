"""What the API answers: shapes, their meaning and examples."""

from datetime import datetime, timedelta
from typing import Annotated, Generic, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from api.deps import EPOCH
from connectors.cassandra.events import StoredEvent
from connectors.cassandra.leads import RankedLead
from connectors.cassandra.models import StoredModel
from connectors.cassandra.profiles import StoredProfile
from connectors.crm.status import COUNTS, MEANINGS, AccountStatus
from models.conversion_time import conversion_time
from models.explanations import in_words
from schemas.ids import Millis
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.policy import TenantPolicy
from schemas.push import DELIVERED, SURPASSED, PushReport
from schemas.score import LeadScore

T = TypeVar("T")


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(at: Millis) -> datetime:
    """An instant as an aware datetime, in UTC."""
    return EPOCH + timedelta(milliseconds=at)


Instant = Annotated[
    datetime,
    PlainSerializer(_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2012-01-03T09:00:00.123Z"]}),
]
Propensity = Annotated[float, Field(ge=0, le=1, description="Calibrated probability of converting within the attribution window.", examples=[0.42])]
Grade = Annotated[str, Field(pattern="^[A-D][1-3]$", examples=["B2"])]


class Shape(BaseModel):
    """A frozen answer; numbers that are no numbers become null."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null")


class PagePublic(Shape, Generic[T]):
    """A part of an answer."""

    items: list[T]
    next: str | None = Field(description="Cursor of the next page; null at the end.", examples=[None])


class ReasonPublic(Shape):
    """A feature and its share in the score's logit."""

    feature: str = Field(examples=["recency.demo_request"])
    contribution: float = Field(examples=[0.81])
    words: str | None = Field(description="What it says of the lead; null in scores of older releases.", examples=["email opened: 3 times"])


class ConversionPublic(Shape):
    """When the lead converts, if it does within the attribution window."""

    expected_at: Instant
    median_at: Instant
    by_day: list[float] = Field(
        description="Probability of having converted by the end of each day after `as_of`; the last one is the propensity.",
        examples=[[0.05, 0.11, 0.14]],
    )

    @classmethod
    def of(cls, s: LeadScore, policy: TenantPolicy) -> Self | None:
        """The shape of what a score foretells; None: without a window, of another window than today's, or before scores told it."""
        if not s.converted_by or len(s.converted_by) != len(policy.interval_ends_ms):
            return None
        time = conversion_time(np.array(s.converted_by), policy.interval_ends_ms)
        expected, median = (instant(Millis(s.as_of + round(after_ms))) for after_ms in (time.expected_ms, time.median_ms))
        return cls(expected_at=expected, median_at=median, by_day=time.by_day.tolist())


class ScorePublic(Shape):
    """A score and why it is so. The lead's first `sequence` events, version `model_version` of `learner` and the base give it again."""

    event_id: str = Field(description="The event it was made on.", examples=["e-1001"])
    sequence: int = Field(description="How many of the lead's events it rests on.", examples=[17])
    as_of: Instant
    propensity: Propensity
    grade: Grade
    reasons: list[ReasonPublic]
    baseline: float = Field(description="The logit of an average lead.", examples=[-1.73])
    rest: float = Field(description="What all else contributes: baseline + contributions + rest is the propensity's logit.", examples=[0.12])
    evidence: int = Field(description="Labels of your own that the model had learned: how sure it may be.", examples=[5400])
    conversion: ConversionPublic | None
    learner: str = Field(description="Whose version the model is.", examples=["prox"])
    model_version: int = Field(description="0: before any label.", examples=[12])
    base_version: int = Field(description="The nightly base that had a say: when it was trained, in milliseconds; 0: none.", examples=[1772442000000])
    feature_digest: int = Field(description="CRC-32 of the feature vector.", examples=[2868412953])
    scored_at: Instant

    @classmethod
    def of(cls, s: LeadScore, policy: TenantPolicy) -> Self:
        """The shape of a score."""
        values = s.reason_values if len(s.reason_values) == len(s.reason_features) else [None] * len(s.reason_features)
        return cls(
            event_id=s.event_id,
            sequence=s.sequence,
            as_of=instant(s.as_of),
            propensity=s.propensity,
            grade=s.grade,
            reasons=[
                ReasonPublic(feature=r.feature, contribution=r.contribution, words=None if value is None else in_words(r.feature, value))
                for r, value in zip(s.reasons, values, strict=True)
            ],
            baseline=s.baseline,
            rest=s.rest,
            evidence=s.evidence,
            conversion=ConversionPublic.of(s, policy),
            learner=s.learner,
            model_version=s.model_version,
            base_version=s.base_version,
            feature_digest=s.feature_digest,
            scored_at=instant(s.scored_at),
        )


class ProfilePublic(Shape):
    """What is known of a lead; null where nothing is."""

    account_id: str | None = Field(examples=["account-7"])
    traits: dict[str, str | float | None] = Field(examples=[{"industry": "retail", "employees": 250.0}])
    consent: dict[str, bool] = Field(examples=[{"profiling": True}])
    email: str | None = Field(examples=["pat@example.com"])
    phone: str | None = Field(examples=[None])
    name: str | None = Field(examples=["Pat Example"])
    first_seen: Instant | None
    last_seen: Instant | None

    @classmethod
    def of(cls, p: StoredProfile) -> Self:
        """The shape of a profile. Where a person's address was is nobody's business here, so `ip` is left out."""
        return cls(
            account_id=p.account_id,
            traits={**p.texts, **p.numbers},
            consent=p.consent,
            email=p.person.email,
            phone=p.person.phone,
            name=p.person.name,
            first_seen=None if p.first_seen is None else instant(p.first_seen),
            last_seen=None if p.last_seen is None else instant(p.last_seen),
        )


class OutcomePublic(Shape):
    """What the CRM said happened."""

    outcome_id: str = Field(examples=["o-55"])
    outcome: str = Field(examples=["won"])
    occurred_at: Instant
    amount: float | None = Field(examples=[12000.0])
    source: str = Field(examples=["crm"])

    @classmethod
    def of(cls, o: Outcome) -> Self:
        """The shape of an outcome."""
        return cls(outcome_id=o.outcome_id, outcome=o.outcome, occurred_at=instant(o.occurred_at), amount=o.amount, source=o.source)


class ShownPublic(Shape):
    """What a CRM was sent of a lead, and whether that is what is known here."""

    crm: str = Field(examples=["hubspot"])
    record: str = Field(description="The CRM's id of the lead's record; empty if it has none.", examples=["501"])
    status: str = Field(description="delivered; surpassed: it shows a later score; skipped: it has no such lead; refused.", examples=["delivered"])
    reason: str = Field(description="The CRM's word for a refusal.", examples=[""])
    propensity: Propensity
    grade: Grade
    as_of: Instant
    reported_at: Instant
    in_step: bool = Field(description="Whether the CRM shows the grade of the latest score.", examples=[True])

    @classmethod
    def of(cls, p: PushReport, score: LeadScore | None) -> Self:
        """The shape of a push, beside the latest score."""
        in_step = p.status in (DELIVERED, SURPASSED) and score is not None and p.grade == score.grade
        return cls(
            crm=p.crm,
            record=p.record,
            status=p.status,
            reason=p.reason,
            propensity=p.propensity,
            grade=p.grade,
            as_of=instant(p.as_of),
            reported_at=instant(p.reported_at),
            in_step=in_step,
        )


class LeadPublic(Shape):
    """Everything about a lead in one answer; null where nothing is known yet."""

    lead: str = Field(examples=["lead-42"])
    profile: ProfilePublic | None
    score: ScorePublic | None
    outcome: OutcomePublic | None
    crm: list[ShownPublic] = Field(description="The latest push to each CRM.")


class RankedLeadPublic(Shape):
    """A lead among the others."""

    lead: str = Field(examples=["lead-42"])
    propensity: Propensity
    grade: Grade
    as_of: Instant

    @classmethod
    def of(cls, r: RankedLead) -> Self:
        """The shape of a ranked lead."""
        return cls(lead=r.lead, propensity=r.propensity, grade=r.grade, as_of=instant(r.as_of))


class EventPublic(Shape):
    """An event, without what names a person."""

    event_id: str = Field(examples=["e-1001"])
    type: str = Field(examples=["page_viewed"])
    channel: str = Field(examples=["web"])
    occurred_at: Instant
    received_at: Instant
    properties: dict[str, str | float | None] = Field(examples=[{"url": "/pricing", "seconds": 41.0}])
    context: dict[str, str] = Field(examples=[{"campaign": "autumn"}])

    @classmethod
    def of(cls, e: StoredEvent) -> Self:
        """The shape of an event."""
        return cls(
            event_id=e.event_id,
            type=e.type,
            channel=e.channel,
            occurred_at=instant(e.occurred_at),
            received_at=instant(e.received_at),
            properties={**e.texts, **e.numbers},
            context=e.context,
        )


class ModelPublic(Shape):
    """A model that was published."""

    version: int = Field(examples=[12])
    as_of: Instant
    learner: str = Field(examples=["logistic"])
    examples: int = Field(description="Matured examples it has learned from.", examples=[5400])
    labels: int = Field(description="Labels among them.", examples=[5400])
    payload_bytes: int = Field(examples=[18432])
    published_at: Instant

    @classmethod
    def of(cls, m: StoredModel) -> Self:
        """The shape of a model."""
        rest = m._asdict() | {"as_of": instant(m.as_of), "published_at": instant(m.published_at)}
        return cls.model_validate(rest)


class MetricPublic(Shape):
    """A prequential measurement: each prediction counts once, as it was made when its event was scored.

    Of each learner `auc`, `log_loss`, `brier`, `ece` and `base_rate`. `drift`: by how much the mean squared error by lead has risen, as of the
    day on which it was seen. Where there are challengers, `champion` is 1 for the learner that scores follow; `duel_log_loss` is how much
    greater a challenger's log loss by lead is than the champion's, and `duel_log_loss_at_most` what it is at most, beyond doubt.
    """

    name: str = Field(examples=["auc"])
    model: str = Field(description="Whose predictions they are.", examples=["prox"])
    as_of: Instant
    value: float | None = Field(description="null where it is not defined yet.", examples=[0.754])
    points: int = Field(description="Scoring points it was measured on.", examples=[21000])
    model_version: int = Field(examples=[12])

    @classmethod
    def of(cls, m: Metric) -> Self:
        """The shape of a metric."""
        value = m.value if m.value == m.value else None
        return cls(name=m.name, model=m.model, as_of=instant(m.as_of), value=value, points=m.points, model_version=m.model_version)


class CrmAccountPublic(Shape):
    """How pushes to one CRM are doing. Counts are since the job last started; null where nothing is known."""

    crm: str = Field(examples=["hubspot"])
    as_of: Instant
    state: str = Field(description="open, waiting, throttled, away, quota_spent, unauthorized or blocked.", examples=["open"])
    meaning: str = Field(examples=["Pushes go out as they are due."])
    pending: float | None = Field(description="Pushes that have not ended.", examples=[3.0])
    oldest_s: float | None = Field(description="How long the oldest of them has been due.", examples=[1.2])
    daily_left: float | None = Field(description="Calls that the CRM says are left today.", examples=[624_100.0])
    scores: float | None = Field(description="Scores that were looked at.", examples=[52_000.0])
    requests: float | None = Field(examples=[310.0])
    delivered: float | None = Field(examples=[2_100.0])
    surpassed: float | None = Field(examples=[0.0])
    skipped: float | None = Field(examples=[12.0])
    refused: float | None = Field(examples=[1.0])
    failures: float | None = Field(description="Requests that failed as a whole.", examples=[4.0])
    withdrawn: float | None = Field(description="Pushes that a later score made needless.", examples=[90.0])

    @classmethod
    def of(cls, s: AccountStatus) -> Self:
        """The shape of an account's status."""
        return cls(crm=s.crm, as_of=instant(s.as_of), state=s.state, meaning=MEANINGS[s.state], **{name: s.values.get(name) for name in COUNTS})


class HealthPublic(Shape):
    """Whether the process is up, or ready to answer."""

    status: str = Field(examples=["ready"])
