"""The events that every runner is given, and the trained model it scores them with."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import NamedTuple

from models.journeys.engagements import MENUS, MILESTONES
from models.recompute import bases
from models.student import Student
from schemas.enriched import EnrichedEvent
from schemas.example import MaturedExample
from schemas.ids import Millis, split_lead_key
from schemas.model_snapshot import ModelSnapshot
from schemas.policy import TenantPolicy

TENANT = "bench"
MONDAY = Millis(1_736_121_600_000)
"""2025-01-06T00:00:00Z: in the past wherever this runs, or the jobs would not trust the clock of the events."""
SPAN_MS = 72_000_000
"""Twenty hours of event time, however many events: no label is due within a day, so every runner does nothing but score."""
EXAMPLES = 2_000
"""Examples that the model has learned: every feature of the workload has a weight then."""

ENGAGEMENTS = tuple(dict.fromkeys(engagement for menu in MENUS for engagement in menu[1].engagements)) + MILESTONES
INDUSTRIES = ("software", "retail", "health", "energy", "finance")
COUNTRIES = ("DE", "FR", "US", "GB", "NL", "SE")
BROWSERS = ("firefox", "chrome", "safari")


class Workload(NamedTuple):
    """How many events, of how many leads.

    `has_roll_call`: each lead has one event first, in random order, before the `events` drawn at random; so all memories exist.
    """

    events: int
    leads: int
    has_roll_call: bool = False
    seed: int = 1

    @property
    def total(self) -> int:
        """Events, the roll call's included."""
        return self.events + (self.leads if self.has_roll_call else 0)

    def stream(self) -> Iterator[EnrichedEvent]:
        """The events, in order of time; the same arguments give the same ones. Event i has the id `str(i)`."""
        rng = Random(self.seed)
        sequences = [0] * self.leads
        for i, lead in enumerate(self._order(rng)):
            sequences[lead] += 1
            yield _event(rng, i, lead, sequences[lead], Millis(MONDAY + i * SPAN_MS // self.total))

    def _order(self, rng: Random) -> Iterator[int]:
        if self.has_roll_call:
            everyone = list(range(self.leads))
            rng.shuffle(everyone)
            yield from everyone
        for _ in range(self.events):
            yield rng.randrange(self.leads)

    def snapshot(self) -> ModelSnapshot:
        """A model that has learned what these features mean, as `learn_models` would publish it."""
        rng = Random(self.seed)
        policy = TenantPolicy()
        student = Student(TENANT, policy)
        for i, basis in enumerate(islice(bases(self.stream(), {}), EXAMPLES)):
            student.learn([_example(basis.key, i, basis.features, is_converted=rng.random() < policy.prior)])
        return student.snapshot(now=MONDAY)


def _event(rng: Random, number: int, lead: int, sequence: int, at: Millis) -> EnrichedEvent:
    engagement = rng.choice(ENGAGEMENTS)
    return EnrichedEvent(
        tenant=TENANT,
        lead=f"lead-{lead}",
        event_id=str(number),
        sequence=sequence,
        type=engagement.type,
        channel=engagement.channel,
        occurred_at=at,
        received_at=at,
        texts={"page": f"/page-{rng.randrange(40)}"} if engagement.channel == "web" else {},
        numbers={"seconds_on_page": round(rng.expovariate(1 / 40), 1)},
        profile_texts={"industry": INDUSTRIES[lead % 5], "country": COUNTRIES[lead % 6]},
        profile_numbers={"employees": float(10 + lead % 5_000)},
        context={"browser": BROWSERS[lead % 3], "campaign": f"campaign-{lead % 12}"},
        consent={"tracking": True, "email": lead % 2 == 0},
        account_id=f"account-{lead // 4}",
    )


def _example(key: str, number: int, features: bytes, *, is_converted: bool) -> MaturedExample:
    tenant, lead = split_lead_key(key)
    last = len(TenantPolicy().interval_ends_ms) - 1
    return MaturedExample(
        tenant=tenant,
        lead=lead,
        event_id=str(number),
        sequence=1,
        as_of=MONDAY,
        matured_at=MONDAY,
        first_interval=0,
        last_interval=number % last if is_converted else last,
        is_converted=is_converted,
        is_final=True,
        propensity=0.15,
        hazards=[],
        model_version=0,
        features=features,
    )
