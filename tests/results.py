"""Builders of results: what the jobs publish of a lead, and stores of fakes that hold it."""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeVar

from api.stores import Stores
from connectors.cassandra.events import StoredEvent
from connectors.cassandra.leads import RankedLead, Standing
from connectors.cassandra.models import StoredModel
from connectors.cassandra.page import Moment, Page, page_of
from connectors.cassandra.profiles import StoredProfile
from connectors.cassandra.pushes import Pushed, pushed_of
from connectors.cassandra.ranking import GRADES
from connectors.cassandra.traits import StoredTrait
from schemas.crm_link import CrmLink
from schemas.enriched import EnrichedEvent
from schemas.ids import Millis
from schemas.metric import Metric
from schemas.model_snapshot import LEARNER, ModelSnapshot
from schemas.outcome import Outcome
from schemas.override import Override
from schemas.push import DELIVERED, PushReport
from schemas.score import LeadScore
from tests.builders import MONDAY, TENANT, later

T = TypeVar("T")


def a_score(lead: str = "ada", *, sequence: int = 1, propensity: float = 0.4, at: Millis | None = None, **fields: object) -> LeadScore:
    """A score a minute of the lead's sequence after Monday, with a grade that its propensity suggests."""
    as_of = later(MONDAY, minutes=sequence) if at is None else at
    given: dict[str, object] = {
        "tenant": TENANT,
        "event_id": f"{lead}-{sequence}",
        "grade": GRADES[min(11, int((1 - propensity) * 12))],
        "reason_features": ["recency", "visits"],
        "reason_shares": [0.5, -0.25],
        "baseline": -1.25,
        "rest": 0.0625,
        "model_version": 3,
        "feature_digest": 12345,
        "scored_at": later(as_of, seconds=1),
        "received_at": as_of,
    }
    return LeadScore(lead=lead, sequence=sequence, as_of=as_of, propensity=propensity, **(given | fields))  # type: ignore[arg-type]


def an_enriched(lead: str = "ada", *, at: Millis = MONDAY, type: str = "page_viewed", **fields: object) -> EnrichedEvent:  # noqa: A002 - the field's name
    """An event as it is stored."""
    given: dict[str, object] = {
        "tenant": TENANT,
        "event_id": f"{lead}-{type}-{at}",
        "sequence": 1,
        "channel": "web",
        "received_at": at,
        "texts": {"url": "/pricing"},
        "numbers": {"seconds": 3.0},
        "profile_texts": {},
        "profile_numbers": {},
        "context": {},
        "consent": {},
    }
    return EnrichedEvent(lead=lead, type=type, occurred_at=at, **(given | fields))  # type: ignore[arg-type]


def a_metric(name: str = "auc", *, at: Millis = MONDAY, value: float = 0.75, model: str = "live", tenant: str = TENANT) -> Metric:
    """A measurement."""
    return Metric(tenant, name, model, at, value, 100, 3)


def a_push(lead: str = "ada", *, sequence: int = 1, crm: str = "hubspot", status: str = DELIVERED, **fields: object) -> PushReport:
    """A push of the lead's score, three seconds after it was made."""
    s = a_score(lead, sequence=sequence)
    given: dict[str, object] = {
        "tenant": TENANT,
        "event_id": s.event_id,
        "as_of": s.as_of,
        "propensity": s.propensity,
        "grade": s.grade,
        "model_version": s.model_version,
        "cause": "grade",
        "reason": "",
        "record": "501",
        "attempts": 1,
        "due_since": s.scored_at,
        "reported_at": later(s.scored_at, seconds=3),
    }
    return PushReport(lead=lead, sequence=sequence, crm=crm, status=status, **(given | fields))  # type: ignore[arg-type]


def a_model(version: int = 1, *, at: Millis = MONDAY, tenant: str = TENANT) -> ModelSnapshot:
    """A model of ten bytes."""
    return ModelSnapshot(tenant, version, at, LEARNER, 50, 40, b"0123456789", later(at, seconds=1))


@dataclass
class FakeStores:
    """Lists that answer as the stores do; `failure` is raised by every answer while it is set."""

    scores: list[LeadScore] = field(default_factory=list)
    events: list[tuple[str, str, StoredEvent]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    profiles: dict[tuple[str, str], StoredProfile] = field(default_factory=dict)
    traits: dict[tuple[str, str], list[StoredTrait]] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)
    models: list[tuple[str, StoredModel]] = field(default_factory=list)
    pushes: list[PushReport] = field(default_factory=list)
    links: list[CrmLink] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    failure: Exception | None = None

    def stores(self) -> Stores:
        """What `create_app` takes."""
        return Stores(
            scores=FakeScores(self),
            events=FakeEvents(self),
            leads=FakeLeads(self),
            accounts=FakeAccounts(self),
            profiles=FakeProfiles(self),
            traits=FakeTraits(self),
            outcomes=FakeOutcomes(self),
            pushes=FakePushes(self),
            links=FakeLinks(self),
            overrides=FakeOverrides(self),
            aliases=FakeAliases(self),
            metrics=FakeMetrics(self),
            models=FakeModels(self),
            ping=self.answer,
            close=lambda: None,
        )

    def answer(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class _Fake:
    held: FakeStores

    def __post_init__(self) -> None:
        self.answer = self.held.answer


class FakeScores(_Fake):
    def latest(self, tenant: str, lead: str) -> LeadScore | None:
        self.answer()
        return max((s for s in self.held.scores if (s.tenant, s.lead) == (tenant, lead)), key=lambda s: s.sequence, default=None)

    def history(self, tenant: str, lead: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None) -> Page[LeadScore, Moment]:
        self.answer()
        mine = [s for s in self.held.scores if (s.tenant, s.lead) == (tenant, lead)]
        return _newest_first(mine, lambda s: Moment(s.as_of, s.event_id), since, until, limit, after)


class FakeEvents(_Fake):
    def history(self, tenant: str, lead: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None) -> Page[StoredEvent, Moment]:
        self.answer()
        mine = [event for of_tenant, of_lead, event in self.held.events if (of_tenant, of_lead) == (tenant, lead)]
        return _newest_first(mine, lambda e: Moment(e.occurred_at, e.event_id), since, until, limit, after)


class FakeLeads(_Fake):
    def ranked(self, tenant: str, *, grades: Set[str] = frozenset(GRADES), limit: int, after: Standing | None = None) -> Page[RankedLead, Standing]:
        self.answer()
        latest = {s.lead: s for s in sorted(self.held.scores, key=lambda s: s.sequence) if s.tenant == tenant}
        ranked = sorted((RankedLead(s.lead, s.grade, s.propensity, s.as_of) for s in latest.values() if s.grade in grades), key=_order)
        rest = [r for r in ranked if after is None or _order(r) > (-after.propensity, after.lead)]
        return page_of(rest[: limit + 1], limit, lambda r: Standing(r.propensity, r.lead))


class FakeAccounts(_Fake):
    def leads_of(self, tenant: str, account: str) -> list[RankedLead]:
        self.answer()
        latest = {s.lead: s for s in sorted(self.held.scores, key=lambda s: s.sequence) if s.tenant == tenant}
        return sorted((RankedLead(s.lead, s.grade, s.propensity, s.as_of) for s in latest.values() if s.account_id == account), key=_order)


class FakeProfiles(_Fake):
    def profile(self, tenant: str, lead: str) -> StoredProfile | None:
        self.answer()
        return self.held.profiles.get((tenant, lead))


class FakeTraits(_Fake):
    def of_lead(self, tenant: str, lead: str) -> list[StoredTrait]:
        self.answer()
        return self.held.traits.get((tenant, lead), [])


class FakeOutcomes(_Fake):
    def latest(self, tenant: str, lead: str) -> Outcome | None:
        self.answer()
        return max((o for o in self.held.outcomes if (o.tenant, o.lead) == (tenant, lead)), key=lambda o: o.occurred_at, default=None)


class FakePushes(_Fake):
    def latest(self, tenant: str, lead: str) -> list[Pushed]:
        self.answer()
        mine = [p for p in self.held.pushes if (p.tenant, p.lead) == (tenant, lead)]
        return pushed_of(sorted(mine, key=lambda p: (p.crm, -p.as_of, -p.reported_at)))


class FakeLinks(_Fake):
    def of_lead(self, tenant: str, lead: str) -> list[CrmLink]:
        self.answer()
        return [link for link in self.held.links if (link.tenant, link.lead) == (tenant, lead)]


class FakeOverrides(_Fake):
    OLDEST = Millis(0)

    def decide(self, override: Override) -> None:
        """Both the log and what is written from it."""
        self.answer()
        self.held.overrides.append(override)

    def latest(self, tenant: str, lead: str) -> Override | None:
        return next(iter(self.of_lead(tenant, lead, limit=1).items), None)

    def of_lead(self, tenant: str, lead: str, *, limit: int, after: Moment | None = None) -> Page[Override, Moment]:
        self.answer()
        mine = [o for o in self.held.overrides if (o.tenant, o.lead) == (tenant, lead)]
        return _newest_first(mine, lambda o: Moment(o.decided_at, o.override_id), Millis(0), Millis(1 << 42), limit, after)

    def of_tenant(self, tenant: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None) -> Page[Override, Moment]:
        self.answer()
        mine = [o for o in self.held.overrides if o.tenant == tenant]
        return _newest_first(mine, lambda o: Moment(o.decided_at, o.override_id), since, until, limit, after)


class FakeAliases(_Fake):
    def lead_of(self, tenant: str, name: str) -> str | None:
        self.answer()
        return self.held.aliases.get((tenant, name))

    def aliases_of(self, tenant: str, lead: str) -> list[str]:
        self.answer()
        return sorted(name for (of_tenant, name), to in self.held.aliases.items() if (of_tenant, to) == (tenant, lead) and name != lead)


class FakeMetrics(_Fake):
    def latest(self, tenant: str) -> list[Metric]:
        self.answer()
        return list({(m.name, m.model): m for m in sorted(self.held.metrics, key=lambda m: m.as_of) if m.tenant == tenant}.values())

    def history(self, tenant: str, name: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None) -> Page[Metric, Moment]:
        self.answer()
        mine = [m for m in self.held.metrics if (m.tenant, m.name) == (tenant, name)]
        return _newest_first(mine, lambda m: Moment(m.as_of, m.model), since, until, limit, after)


class FakeModels(_Fake):
    def versions(self, tenant: str, *, limit: int, after: int | None = None) -> Page[StoredModel, int]:
        self.answer()
        mine = sorted((m for of, m in self.held.models if of == tenant and (after is None or m.version < after)), key=lambda m: -m.version)
        return page_of(mine[: limit + 1], limit, lambda m: m.version)


def _order(lead: RankedLead) -> tuple[float, str]:
    return -lead.propensity, lead.lead


def _newest_first(
    items: Iterable[T], position: Callable[[T], Moment], since: Millis, until: Millis, limit: int, after: Moment | None
) -> Page[T, Moment]:
    below = min(after or Moment(until, ""), Moment(until, ""))
    rest: Sequence[T] = sorted((i for i in items if since <= position(i).at and position(i) < below), key=position, reverse=True)
    return page_of(list(rest[: limit + 1]), limit, position)
