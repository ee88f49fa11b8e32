"""A CRM in a dict and a clock that a test turns: what the delivery engine's laws are tried against."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from connectors.crm.contract import Answer, Answered, Item, Limits, Request, Stage, Verdict, revision_of
from connectors.crm.delivery.engine import Delivery, Ended
from connectors.crm.delivery.pending import DictPushStore
from connectors.crm.delivery.rules import PushRules
from schemas.errors import (
    AuthError,
    DoubtfulError,
    PoisonRecordError,
    ProxError,
    QuotaSpentError,
    RateLimitedError,
    RetriableError,
)
from schemas.score import LeadScore
from tests.builders import TENANT
from tests.results import a_score

LIMITS = Limits(batch=5, concurrency=4, burst=12, burst_ms=10_000, daily=5_000, burst_reserve=0.0, daily_reserve=0.0, timeout_ms=2_000)
RULES = PushRules(material_move=0.2, settle_ms=500, move_settle_ms=2_000, min_interval_ms=3_000, fall_settle_ms=5_000)
FAILURES: tuple[ProxError, ...] = (
    RateLimitedError("slow down", retry_after_s=3.0),
    RateLimitedError("slow down"),
    QuotaSpentError("no calls left", retry_after_s=20.0),
    RetriableError("503"),
    AuthError("token revoked"),
)


@dataclass
class Journey:
    """A request on its way: the CRM meets it at `arrives`, its answer is heard at `returns`."""

    request: Request
    arrives: int
    returns: int
    outcome: Answered | ProxError | None = None


@dataclass
class World:
    """Time, a CRM and one account's engine.

    Parameters
    ----------
    seed
        Decides all that happens.
    trouble
        Share of requests that fail, in [0, 1].
    absent
        Leads that the CRM does not have.
    poisoned
        Leads that spoil every batch they are written in.
    creates
        Whether leads that the CRM does not have are created; else they are found by e-mail.
    """

    seed: int
    trouble: float = 0.0
    absent: frozenset[str] = frozenset()
    poisoned: frozenset[str] = frozenset()
    creates: bool = False
    limits: Limits = LIMITS
    rules: PushRules = RULES
    now: int = 1_000_000
    shown: dict[str, LeadScore] = field(default_factory=dict)
    writes: list[LeadScore] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    journeys: list[Journey] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.store = DictPushStore()
        self.latest: dict[str, LeadScore] = {}
        self.start()

    def start(self) -> None:
        """A new engine on what the store holds; requests of the one before are met by the CRM, and nobody hears the answers."""
        for journey in self.journeys:
            if journey.outcome is None:
                self._meet(journey)
        self.journeys = []
        finding = {"matches": not self.creates, "creates": self.creates}
        self.delivery = Delivery(TENANT, "world", limits=self.limits, rules=self.rules, store=self.store, now=self.now, **finding)

    def restart_from(self, saved: tuple[dict[str, bytes], dict[str, bytes], bytes | None]) -> None:
        """As after a failure: state as it was at a checkpoint."""
        self.store.shown_by_lead, self.store.pending_by_lead, self.store.account_bytes = dict(saved[0]), dict(saved[1]), saved[2]
        self.start()

    def checkpoint(self) -> tuple[dict[str, bytes], dict[str, bytes], bytes | None]:
        self.delivery.save()
        return dict(self.store.shown_by_lead), dict(self.store.pending_by_lead), self.store.account_bytes

    def score(self, lead: str, propensity: float) -> LeadScore:
        """The lead's next score, offered."""
        before = self.latest.get(lead)
        score = a_score(lead, sequence=1 if before is None else before.sequence + 1, propensity=propensity, scored_at=self.now)
        self.latest[lead] = score
        self.delivery.offer(score, self.now)
        return score

    def pass_time(self, ms: int) -> None:
        """Turn the clock by so much, a tenth of a second at a time."""
        for _ in range(ms // 100):
            self.now += 100
            self._tick()

    def settle(self, longest_ms: int = 4_000_000) -> None:
        """Turn the clock until nothing is pending."""
        self.trouble = 0.0
        until = self.now + longest_ms
        while self.store.pending_by_lead and self.now < until:
            next_at = self.delivery.next_at(self.now)
            if not self.journeys and next_at is not None and next_at > self.now + 100:
                self.now = next_at - 100
            self.pass_time(100)

    def _tick(self) -> None:
        for journey in sorted((j for j in self.journeys if j.outcome is None and j.arrives <= self.now), key=lambda j: j.arrives):
            self._meet(journey)
        for journey in [j for j in self.journeys if j.returns <= self.now]:
            self.journeys.remove(journey)
            outcome = journey.outcome
            if isinstance(outcome, ProxError):
                self.ended += self.delivery.failed(journey.request, outcome, self.now)
            else:
                assert outcome is not None
                self.ended += self.delivery.answered(journey.request, outcome, self.now)
        for request in self.delivery.due(self.now):
            arrives = self.now + self.random.randrange(0, 400)
            self.journeys.append(Journey(request, arrives, arrives + self.random.randrange(0, 1_500)))

    def _meet(self, journey: Journey) -> None:
        self.arrivals.append(journey.arrives)
        request = journey.request
        fails = self.random.random() < self.trouble
        if fails and self.random.random() < 0.6:
            failure = self.random.choice(FAILURES)
            self.faults[type(failure).__name__] += 1
            journey.outcome = failure
            return
        if request.stage in (Stage.LINK, Stage.WRITE) and self.poisoned & {item.lead for item in request.items}:
            journey.outcome = PoisonRecordError("a batch that cannot be read", reason="invalid")
            return
        journey.outcome = Answered([self._answer(request.stage, item, is_troubled=fails) for item in request.items])
        if fails:  # it was done, and nobody hears of it
            self.faults["DoubtfulError"] += 1
            journey.outcome = DoubtfulError("reset")

    def _answer(self, stage: Stage, item: Item, *, is_troubled: bool) -> Answer:
        lead, score = item.lead, item.score
        if lead in self.absent:
            return Answer(Verdict.MISSING)
        record = f"r-{lead}"
        if is_troubled and self.random.random() < 0.2:
            return Answer(Verdict.RETRY, "locked")
        match stage:
            case Stage.LOOK:
                shown = self.shown.get(lead)
                if shown is None:
                    return Answer(Verdict.MISSING)
                return Answer(Verdict.DONE, record=record, revision=revision_of(shown), grade=shown.grade, propensity=shown.propensity)
            case Stage.MATCH:
                return Answer(Verdict.DONE, record=record)
            case _:
                if not item.record:
                    self.created.append(lead)
                self.writes.append(score)
                self.shown[lead] = score
                return Answer(Verdict.DONE, record=record)


def most_within(arrivals: list[int], interval_ms: int) -> int:
    """The most arrivals in any interval."""
    times = sorted(arrivals)
    most, begin = 0, 0
    for end, at in enumerate(times):
        while times[begin] <= at - interval_ms:
            begin += 1
        most = max(most, end - begin + 1)
    return most
