from collections import defaultdict
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.journeys.process import FITS, WON, propensities
from models.journeys.simulator import Step, simulate
from schemas.event import Event
from schemas.outcome import Outcome
from schemas.policy import DAY_MS
from tests.builders import MONDAY

DAYS, WINDOW_MS = 150.0, 30 * DAY_MS
BINS = (0.0, 0.02, 0.06, 0.12, 0.25, 0.45, 0.7, 1.01)


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return list(simulate(tenant="demo", seed=11, leads=12_000, start=MONDAY, days=DAYS))


@pytest.mark.parametrize("nth", [0, 3, 9], ids=["first", "fourth", "tenth"])
def test_realised_conversions_match_true_propensities(steps: list[Step], nth: int):
    """In every bin of the truth, as many leads convert within 30 days of their n-th event as it says, within four standard errors.

    One event per lead, as events of one lead are not independent; the n-th event of a lead is known when it happens, so the law holds at it.
    """
    won = {step.record.lead: step.record.occurred_at for step in steps if isinstance(step.record, Outcome) and step.record.outcome == "won"}
    seen: dict[str, int] = defaultdict(int)
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for step in steps:
        if not isinstance(step.record, Event):
            continue
        at, lead = step.record.occurred_at, step.record.lead
        seen[lead] += 1
        if seen[lead] == nth + 1 and at + WINDOW_MS <= MONDAY + DAYS * DAY_MS:
            converted = at < won.get(lead, 0) <= at + WINDOW_MS
            bins[sum(step.true_propensity >= edge for edge in BINS)].append((step.true_propensity, converted))
    misses = []
    for pairs in bins.values():
        expected = sum(p for p, _ in pairs)
        error = sqrt(sum(p * (1 - p) for p, _ in pairs))
        misses.append(abs(sum(converted for _, converted in pairs) - expected) / (error + 0.5))

    assert max(misses) < 4.0


@given(st.integers(0, FITS - 1), st.floats(0.1, 60.0), st.floats(0.1, 60.0))
def test_truth_is_a_probability_that_grows_with_the_window(fit: int, one: float, other: float):
    """A longer window never converts less."""
    short, long = (propensities(fit, days)[:WON] for days in sorted((one, other)))

    assert all(0.0 <= a <= b + 1e-9 <= 1.0 + 1e-9 for a, b in zip(short, long, strict=True))


@given(st.integers(), st.integers(0, 40), st.floats(0.5, 30.0))
@settings(max_examples=30)
def test_every_stream_is_ordered_and_named_once(seed: int, leads: int, days: float):
    """Whatever the arguments, time never goes back and no two records share an id."""
    records = [step.record for step in simulate(tenant="demo", seed=seed, leads=leads, start=MONDAY, days=days)]
    times = [record.occurred_at for record in records]
    ids = {record.event_id if isinstance(record, Event) else record.outcome_id for record in records}

    assert (sorted(times), len(records)) == (times, len(ids))
