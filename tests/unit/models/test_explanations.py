"""Reasons in words."""

import math

import pytest

from models.explanations import in_words
from models.features.registry import DENSE


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("events", math.log1p(1), "1 event in all"),
        ("session_events", math.log1p(4), "4 events in this visit"),
        ("type_events", math.log1p(2), "did this 2 times"),
        ("age", math.log1p(24), "known for 24 hours"),
        ("max_gap", math.log1p(240), "was once silent for 10 days"),
        ("decayed_week", 3.2, "3 events this week"),
        ("sessions", math.log1p(1), "1 visit"),
        ("types", 2.0, "2 kinds of events"),
        ("weekday", 3.0, "the day of the week"),
        ("event=demo_requested", 1.0, "demo requested just now"),
        ("previous_event=page_viewed", 1.0, "page viewed before"),
        ("events_of_type=email_opened", math.log1p(3), "email opened: 3 times"),
        ("channel=web", 1.0, "channel is web"),
        ("profile.employees", math.log1p(250), "employees is 250"),
        ("balance", -math.log1p(7), "balance is -7"),
        ("no profile.city", 0.0, "city is not known"),
        ("amount", 709.8, "amount is 1.01423e+304"),
    ],
)
def test_a_feature_is_said_in_words(name: str, value: float, said: str):
    """As a salesperson would."""
    assert said == in_words(name, value)


def test_every_dense_feature_has_words_of_its_own():
    """None is told by its name alone."""
    assert [] == [feature.name for feature in DENSE if f"{feature.name.replace('_', ' ')} is" in in_words(feature.name, 1.0)]
