"""What a lead in each stage does: types and channels of its events, and how often."""

from itertools import accumulate
from typing import NamedTuple

from models.journeys.process import STAGES


class Engagement(NamedTuple):
    """A type of event and its channel."""

    type: str
    channel: str


class Menu(NamedTuple):
    """Engagements with their cumulative weights, ready for `random.choices`."""

    engagements: tuple[Engagement, ...]
    cumulative: tuple[float, ...]


PER_DAY = (0.35, 0.30, 0.35, 0.40, 0.35)
"""Engagements of a cold lead per day, by stage."""
HOT = 3.5
"""A hot lead engages this many times as often: engagement is how heat shows."""
BOT_PER_DAY = 12.0
BOT_DAYS = 2.0
"""A bot comes often, for a short while, and never buys."""

_WEIGHTS: dict[tuple[str, str], tuple[float, ...]] = {
    ("page_viewed", "web"): (10, 6, 5, 3, 2),
    ("content_downloaded", "web"): (1, 3, 2, 1, 0.2),
    ("pricing_viewed", "web"): (0.5, 1, 3, 4, 3),
    ("ad_clicked", "social"): (3, 1, 0.5, 0.2, 0.1),
    ("post_liked", "social"): (1.5, 1, 0.5, 0.3, 0.2),
    ("email_opened", "email"): (0, 5, 4, 3, 2),
    ("email_clicked", "email"): (0, 2, 2, 2, 1),
    ("email_replied", "email"): (0, 0.2, 0.8, 2, 3),
    ("call_answered", "phone"): (0, 0.2, 1, 2, 3),
    ("note_logged", "crm"): (0, 0.1, 0.5, 1, 2),
}


def _menu(stage: int, *, with_email: bool) -> Menu:
    allowed = [(Engagement(*name), weights[stage]) for name, weights in _WEIGHTS.items() if weights[stage] and (with_email or name[1] != "email")]
    return Menu(tuple(engagement for engagement, _ in allowed), tuple(accumulate(weight for _, weight in allowed)))


MENUS = tuple((_menu(stage, with_email=False), _menu(stage, with_email=True)) for stage in range(STAGES))
"""By stage, then by consent to e-mail."""

MILESTONES = (
    Engagement("first_visit", "web"),
    Engagement("form_submitted", "web"),
    Engagement("demo_requested", "web"),
    Engagement("meeting_held", "crm"),
    Engagement("proposal_sent", "crm"),
)
"""The event with which a lead enters each stage."""
