"""The demo's own leads: simulated, so that it is known how likely each really is to buy."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from infra import feed
from infra.demo.truth import latest_truths
from infra.feed import Fed, OnProgress
from infra.pace import Pace, Pacer
from infra.settings import Settings
from models.journeys.simulator import Step, simulate
from schemas.ids import Millis
from schemas.policy import DAY_MS

LEADS = 2_000
DAYS = 180.0
"""Six attribution windows: five of them are learned from."""
SPEED = 259_200.0
"""Three days a second, so 60 s in all: what is learned is published within a second or two, which is within the week it is about."""
SEED = 1


class Plan(NamedTuple):
    """Everything that will happen, and the last true propensity of each lead."""

    steps: Sequence[Step]
    truths: Mapping[str, float]


def plan(*, tenant: str, leads: int, now: Millis) -> Plan:
    """Journeys that end now."""
    steps = list(simulate(tenant=tenant, seed=SEED, leads=leads, start=Millis(round(now - DAYS * DAY_MS)), days=DAYS))
    return Plan(steps, latest_truths(steps))


def publish(planned: Plan, speed: float | None, settings: Settings, on_progress: OnProgress) -> Fed:
    """Publish them in order of event time, received when they are sent.

    Raises
    ------
    RetriableError
        Kafka or the registry is away.
    """
    records = (step.record._replace(received_at=feed.wall_clock()) for step in planned.steps)
    return feed.feed(settings, records, Pacer(Pace(speed=speed)), total=len(planned.steps), on_progress=on_progress)
