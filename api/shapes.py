"""What the API answers: shapes, their meaning and examples."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Generic, Self, TypeVar

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from api.deps import EPOCH
from connectors.cassandra.events import StoredEvent
from connectors.cassandra.leads import RankedLead
from connectors.cassandra.models import StoredModel
from connectors.cassandra.profiles import StoredProfile
from connectors.cassandra.pushes import Pushed
from connectors.cassandra.traits import StoredTrait
from connectors.crm.status import BACK_COUNTS, COUNTS, MEANINGS, AccountStatus, BackStatus
from models.account import account_score
from models.conversion_time import conversion_time
from models.explanations import in_words
from schemas.crm_link import CrmLink
from schemas.ids import Millis
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.override import Override
from schemas.policy import DAY_MS, TenantPolicy
from schemas.push import DELIVERED, SURPASSED
from schemas.score import LeadScore

T = TypeVar("T")
ONE_LINE = r"^[^\r\n]+$"


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


class TraitPublic(Shape):
    """A trait, who said it and when."""

    value: str | float | None = Field(examples=["retail"])
    source: str | None = Field(description="The source of the write key, a CRM, or a file; null where its producer named none.", examples=["hubspot"])
    at: Instant

    @classmethod
    def of(cls, t: StoredTrait) -> Self:
        """The shape of a trait."""
        return cls(value=t.value, source=t.source or None, at=instant(t.said_at))


class ProfilePublic(Shape):
    """What is known of a lead; null where nothing is."""

    account_id: str | None = Field(examples=["account-7"])
    traits: dict[str, str | float | None] = Field(examples=[{"industry": "retail", "employees": 250.0}])
    provenance: dict[str, TraitPublic] = Field(
        description="Of each trait what was said last; traits that were said before this was kept are not in it.",
        examples=[{"industry": {"value": "retail", "source": "hubspot", "at": "2012-01-03T09:00:00.123Z"}}],
    )
    consent: dict[str, bool] = Field(examples=[{"profiling": True}])
    email: str | None = Field(examples=["pat@example.com"])
    phone: str | None = Field(examples=[None])
    name: str | None = Field(examples=["Pat Example"])
    first_seen: Instant | None
    last_seen: Instant | None

    @classmethod
    def of(cls, p: StoredProfile, traits: Sequence[StoredTrait]) -> Self:
        """The shape of a profile and of what was said last of each trait, which counts.

        Where a person's address was is nobody's business here, so `ip` is left out.
        """
        values: dict[str, str | float | None] = {**p.texts, **p.numbers, **{trait.name: trait.value for trait in traits}}
        return cls(
            account_id=p.account_id,
            traits=values,
            provenance={trait.name: TraitPublic.of(trait) for trait in traits},
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
    in_step: bool = Field(description="Whether the CRM shows the grade that people are to act on.", examples=[True])
    last_in_step_at: Instant | None = Field(description="When both sides were last known to show the same; null: never.")

    @classmethod
    def of(cls, pushed: Pushed, score: LeadScore | None) -> Self:
        """The shape of a push, beside the score that people are to act on."""
        p = pushed.latest
        in_step = p.status in (DELIVERED, SURPASSED) and score is not None and p.grade == score.grade
        last = pushed.taken_at
        if in_step and score is not None and last is not None:
            last = Millis(max(last, score.scored_at))  # a later score said the same
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
            last_in_step_at=None if last is None else instant(last),
        )


class LinkPublic(Shape):
    """Which record of a CRM stands for a lead."""

    crm: str = Field(examples=["hubspot"])
    record: str = Field(examples=["501"])
    state: str = Field(description="linked; merged into another lead's record, deleted or erased: then nothing is pushed.", examples=["linked"])
    changed_at: Instant

    @classmethod
    def of(cls, link: CrmLink) -> Self:
        """The shape of a link."""
        return cls(crm=link.crm, record=link.record, state=link.state, changed_at=instant(link.changed_at))


class OverrideGiven(BaseModel):
    """A grade that a person gives, why, and until when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    LONGEST_MS: ClassVar[int] = 366 * DAY_MS

    grade: Grade
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=ONE_LINE, description="No names: it is kept.", examples=["met at the fair"])]
    by: Annotated[str, Field(min_length=1, max_length=100, pattern=ONE_LINE, description="A role or a pseudonym.", examples=["sales-lead"])]
    expires_at: AwareDatetime = Field(description="Ahead of now, by a year at most. ISO-8601 with an offset.", examples=["2026-12-24T12:00:00Z"])

    def expires_ms(self) -> Millis:
        """The instant in milliseconds."""
        return Millis((self.expires_at - EPOCH) // timedelta(milliseconds=1))


class OverridePublic(Shape):
    """A person's decision on a lead's grade."""

    lead: str = Field(examples=["lead-42"])
    grade: str | None = Field(description="null: the computed grade counts again.", examples=["A1"])
    reason: str = Field(examples=["met at the fair"])
    by: str = Field(examples=["sales-lead"])
    source: str = Field(description="api, or the CRM in which it was written.", examples=["api"])
    decided_at: Instant
    expires_at: Instant
    is_standing: bool = Field(description="Whether it counted when this was answered, were it the latest.", examples=[True])

    @classmethod
    def of(cls, o: Override, now: Millis) -> Self:
        """The shape of a decision."""
        return cls(
            lead=o.lead,
            grade=o.grade or None,
            reason=o.reason,
            by=o.by,
            source=o.source,
            decided_at=instant(o.decided_at),
            expires_at=instant(o.expires_at),
            is_standing=o.is_standing(now),
        )


class LeadPublic(Shape):
    """Everything about a lead in one answer; null where nothing is known yet."""

    lead: str = Field(examples=["lead-42"])
    grade: Grade | None = Field(description="What people are to act on: the score's, unless a person's override stands.")
    also_known_as: list[str] = Field(description="Ids that proved to be this lead's; each answers with a redirect.", examples=[["browser-7"]])
    profile: ProfilePublic | None
    score: ScorePublic | None
    override: OverridePublic | None = Field(description="The latest decision of a person, also one that has expired or was taken back.")
    outcome: OutcomePublic | None
    crm: list[ShownPublic] = Field(description="The latest push to each CRM.")
    links: list[LinkPublic] = Field(description="The record of each CRM that stands for the lead, or did.")


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


class AccountPublic(Shape):
    """A company: its open leads as one. Leads that were won or lost, and ids that proved to be another lead's, are not among them."""

    account: str = Field(examples=["account-7"])
    leads: int = Field(ge=1, description="Open leads that were scored; of a shared id, at least so many.", examples=[4])
    is_shared: bool = Field(
        description="Whether so many leads have this id that it stands for no company, as a mailbox's domain: then nothing more is said.",
        examples=[False],
    )
    score: Annotated[float, Field(ge=0, le=1)] | None = Field(
        description="Probability that at least one of the ten strongest converts, were they to decide apart from each other: it orders accounts,"
        " and is the upper bound of what is so, as the best lead's propensity is the lower.",
        examples=[0.62],
    )
    best: RankedLeadPublic | None = Field(description="Whom to call there.")
    last_activity: Instant | None = Field(description="Event time of the latest event on which an open lead was scored.")

    @classmethod
    def of(cls, account: str, leads: Sequence[RankedLead], *, is_shared: bool) -> Self:
        """The shape of an account's open leads, best first; at least one."""
        if is_shared:
            return cls(account=account, leads=len(leads), is_shared=True, score=None, best=None, last_activity=None)
        return cls(
            account=account,
            leads=len(leads),
            is_shared=False,
            score=account_score(lead.propensity for lead in leads),
            best=RankedLeadPublic.of(leads[0]),
            last_activity=instant(max(lead.as_of for lead in leads)),
        )


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


class CrmBackPublic(Shape):
    """How following one CRM is doing. Counts are since the service last started; null where nothing is known."""

    as_of: Instant
    state: str = Field(description="open, throttled, away, quota_spent, unauthorized or blocked.", examples=["open"])
    lag_s: float | None = Field(description="How long ago all of it had been looked at.", examples=[12.0])
    failures: float | None = Field(description="Requests, and whole looks, that failed.", examples=[0.0])
    records: float | None = Field(description="Records that were looked at.", examples=[5_200.0])
    outcomes: float | None = Field(examples=[31.0])
    events: float | None = Field(examples=[410.0])
    links: float | None = Field(examples=[205.0])
    overrides: float | None = Field(examples=[2.0])
    unlinked: float | None = Field(description="Records that stand for no lead that is known here.", examples=[17.0])

    @classmethod
    def of(cls, s: BackStatus) -> Self:
        """The shape of what was told last."""
        return cls(as_of=instant(s.as_of), state=s.state, **{name: s.values.get(name) for name in BACK_COUNTS})


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
    back: CrmBackPublic | None = Field(description="How what the CRM knows comes back; null where nobody follows it.")

    @classmethod
    def of(cls, s: AccountStatus) -> Self:
        """The shape of an account's status."""
        values = {name: s.values.get(name) for name in COUNTS}
        back = s.back and CrmBackPublic.of(s.back)
        return cls(crm=s.crm, as_of=instant(s.as_of), state=s.state, meaning=MEANINGS[s.state], back=back, **values)


class HealthPublic(Shape):
    """Whether the process is up, or ready to answer."""

    status: str = Field(examples=["ready"])
