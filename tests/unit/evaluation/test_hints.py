"""A manifest's hints as properties of its events."""

from math import exp, expm1, log1p

import pytest

from models.evaluation.hints import Hints
from schemas.event import PROFILE_UPDATED, Event
from tests.unit.dataset.small import EVENTS, changed, small

HINTED = changed(
    EVENTS,
    "[file]",
    """crosses = [["event.type", "place"], ["place", "size"], ["event.type", "memory.age"]]
[memory]
unit = "hour"
decay_days = 2.0
features = ["age", "gap", "count", "decayed", "mean_gap", "max_gap", "first"]
count_types = ["visit", "call"]
means = ["size"]
[calendar]
features = ["hour", "weekday", "month"]
[file]""",
)


def of_lead(lead: str) -> list[Event]:
    data = small(HINTED)
    told = Hints(data.manifest).told(data.records())
    return [one for one in told if isinstance(one, Event) and one.lead == f"small:{lead}" and one.type not in (PROFILE_UPDATED, "task")]


def test_the_memory_is_that_of_the_manifest():
    """Ada's second event, a day after her first; the observation in between is not remembered."""
    properties = of_lead("ada")[1].properties
    expected = {
        "memory.age": log1p(24),
        "memory.gap": log1p(24),
        "memory.count": 2.0,
        "memory.decayed": 1 + exp(-0.5),
        "memory.mean_gap": log1p(24),
        "memory.max_gap": log1p(24),
        "memory.first": "false",
        "memory.mean.size": log1p(10),
        "memory.count.visit": 1.0,
        "memory.count.call": 1.0,
    }

    assert {name: pytest.approx(value) if isinstance(value, float) else value for name, value in expected.items()} == {
        name: properties[name] for name in expected
    }


def test_the_first_event_has_no_gaps():
    """Zero, and -1 for the mean of none."""
    properties = of_lead("ada")[0].properties

    assert (0.0, -1.0, "true") == (properties["memory.gap"], properties["memory.mean_gap"], properties["memory.first"])


def test_the_calendar_is_of_the_event():
    """Tuesday, 3 March 2026, nine o'clock."""
    properties = of_lead("ada")[1].properties

    assert (9.0, "1", "3") == (properties["calendar.hour"], properties["calendar.weekday"], properties["calendar.month"])


def test_a_cross_is_one_more_category():
    """Texts as they are, numbers by bin, what is missing by name."""
    call, first_of_bob = of_lead("ada")[1].properties, of_lead("bob")[0].properties

    assert ("call × north", "north × 4", "call × 6") == (call["event.type × place"], call["place × size"], call["event.type × memory.age"])
    assert "none × none" == first_of_bob["place × size"]
    assert expm1(3.0) < 24 < expm1(3.5)


def test_without_hints_nothing_is_added():
    """A manifest that lists none leaves its events alone."""
    data = small()

    assert list(data.records()) == list(Hints(data.manifest).told(data.records()))
