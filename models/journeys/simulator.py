"""Journeys of many leads as one lazy stream in order of event time."""

import heapq
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from models.journeys.engagements import BOT_DAYS, BOT_PER_DAY, HOT, MENUS, MILESTONES, PER_DAY, Engagement
from models.journeys.lead import Lead, meet
from models.journeys.process import LOST, SILENT, STAGES, WON, propensities, rates
from schemas import outcome as outcomes
from schemas.event import PROFILE_UPDATED, Event, Person
from schemas.ids import Millis
from schemas.outcome import Outcome
from schemas.policy import DAY_MS

PROFILE_CHANNEL = "profile"


class Step(NamedTuple):
    """A record, and what no record says: P(won within 30 days) just after it, given all that is hidden. 1 or 0 at an outcome."""

    record: Event | Outcome
    true_propensity: float


def simulate(*, tenant: str, seed: int, leads: int, start: Millis, days: float) -> Iterator[Step]:
    """Every record of the journeys, in order of event time; the same arguments give the same stream.

    Leads appear evenly over the first nine tenths of the time. Memory grows with the leads under way, not with all of them.

    Parameters
    ----------
    tenant
        Whose leads they are.
    seed
        Of everything that is drawn.
    leads
        How many appear.
    start
        The first instant.
    days
        How long it lasts; journeys are cut off at its end.
    """
    if leads <= 0:
        return
    world = _World(tenant, Random(seed))
    gap_ms = days * DAY_MS * 0.9 / leads
    end = start + days * DAY_MS
    due: list[tuple[float, int, Lead]] = []
    arrived = 0
    while arrived < leads or due:
        if arrived < leads and (not due or start + arrived * gap_ms <= due[0][0]):
            at, number, lead = start + arrived * gap_ms, arrived, meet(world.rng, arrived, leads, f"lead-{seed}-")
            arrived += 1
            yield from world.first(lead, at)
        else:
            at, number, lead = heapq.heappop(due)
            if at > end:
                return  # whoever is due later is beyond the end too, and every lead has appeared by then
            yield from world.advance(lead, at)
        if lead.state < WON:
            heapq.heappush(due, (world.next_at(lead, at), number, lead))


class _World:
    """Draws what happens next, and puts it into records."""

    def __init__(self, tenant: str, rng: Random) -> None:
        self.rng = rng
        self._tenant = tenant

    def next_at(self, lead: Lead, at: float) -> float:
        """When the lead next engages or changes its state: the first of independent exponential times."""
        return at + self.rng.expovariate(self._total(lead)) * DAY_MS

    def first(self, lead: Lead, at: float) -> Iterator[Step]:
        """A lead appears: a visitor whom nobody knows, or one that sales entered."""
        if lead.is_known:
            yield from self._identified(lead, at, MILESTONES[1])
        else:
            lead.consent = {"tracking": True}
            yield self._event(lead, at, MILESTONES[0])

    def advance(self, lead: Lead, at: float) -> Iterator[Step]:
        """What happens to a lead now; many changes of state leave no record."""
        if lead.is_bot:
            yield from self._bot(lead, at)
            return
        r = rates(lead.fit, lead.state)
        draw = self.rng.random() * self._total(lead)
        stage = lead.state // 2
        if draw >= r.total:
            menu = MENUS[stage][lead.is_known and lead.consents_to_email]
            yield self._event(lead, at, self.rng.choices(menu.engagements, cum_weights=menu.cumulative)[0])
        elif draw < r.turn:
            lead.state ^= 1
        elif draw < r.turn + r.fall_silent:
            lead.state = SILENT
        elif draw < r.turn + r.fall_silent + r.lose:
            lead.state = LOST
            yield self._outcome(lead, at, outcomes.LOST if self.rng.random() < 0.8 else outcomes.DISQUALIFIED)
        elif stage == STAGES - 1:
            lead.state = WON
            yield self._outcome(lead, at, outcomes.WON)
        else:
            lead.state += 2
            if lead.is_known:
                yield self._event(lead, at, MILESTONES[stage + 1])
            else:
                yield from self._identified(lead, at, MILESTONES[stage + 1])

    def _total(self, lead: Lead) -> float:
        if lead.is_bot:
            return BOT_PER_DAY + 1 / BOT_DAYS
        return rates(lead.fit, lead.state).total + PER_DAY[lead.state // 2] * (HOT if lead.state % 2 else 1.0)

    def _bot(self, lead: Lead, at: float) -> Iterator[Step]:
        if self.rng.random() * self._total(lead) < BOT_PER_DAY:
            yield self._event(lead, at, Engagement("page_viewed", "web"))
        else:
            lead.state = SILENT

    def _identified(self, lead: Lead, at: float, how: Engagement) -> Iterator[Step]:
        """The lead gives its name: a profile, consent, and an id that stays."""
        lead.is_known = True
        lead.consent = {"tracking": True, "email": lead.consents_to_email}
        yield self._event(lead, at, Engagement(PROFILE_UPDATED, PROFILE_CHANNEL), lead.traits)
        yield self._event(lead, at, how)

    def _event(self, lead: Lead, at: float, what: Engagement, traits: dict[str, str | float] | None = None) -> Step:
        moment = Millis(int(at))
        is_named = lead.is_known
        record = Event(
            tenant=self._tenant,
            lead=lead.lead_id,
            event_id=self._next_id(lead),
            type=what.type,
            channel=what.channel,
            occurred_at=moment,
            received_at=moment,
            properties=dict(traits) if traits is not None else self._properties(what),
            context=dict(lead.context),
            consent=dict(lead.consent),
            anonymous_id=lead.anonymous_id,
            user_id=f"user-{lead.lead_id}" if is_named else None,
            account_id=lead.account_id if is_named else None,
            person=Person(email=f"{lead.lead_id}@{lead.account_id}.example") if traits is not None else None,
        )
        return Step(record, 0.0 if lead.is_bot else propensities(lead.fit)[lead.state])

    def _properties(self, what: Engagement) -> dict[str, str | float]:
        if what.channel == "web":
            return {"seconds_on_page": round(self.rng.expovariate(1 / 40), 1)}
        if what.channel == "phone":
            return {"minutes": round(self.rng.expovariate(1 / 6), 1)}
        return {}

    def _outcome(self, lead: Lead, at: float, outcome: str) -> Step:
        moment = Millis(int(at))
        is_won = outcome == outcomes.WON
        record = Outcome(
            tenant=self._tenant,
            lead=lead.lead_id,
            outcome_id=self._next_id(lead),
            outcome=outcome,
            occurred_at=moment,
            received_at=moment,
            amount=round(self.rng.lognormvariate(9.0, 0.8), 2) if is_won else None,
        )
        return Step(record, float(is_won))

    def _next_id(self, lead: Lead) -> str:
        lead.emitted += 1
        return f"{lead.lead_id}-{lead.emitted}"
