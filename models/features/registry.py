"""The features that every lead has: name, unit and what they are for."""

from typing import NamedTuple


class Feature(NamedTuple):
    """A numeric feature that is present in every vector, at its position in `DENSE`."""

    name: str
    unit: str
    purpose: str


DENSE: tuple[Feature, ...] = (
    Feature("events", "log1p of a count", "how much the lead has done"),
    Feature("age", "log1p of hours", "how long the lead has been known"),
    Feature("gap", "log1p of hours", "how long it was silent before this event"),
    Feature("mean_gap", "log1p of hours", "its usual rhythm"),
    Feature("max_gap", "log1p of hours", "its longest silence"),
    Feature("decayed_hour", "events, mean life 1 h", "what it does right now"),
    Feature("decayed_day", "events, mean life 2 d", "what it did these days"),
    Feature("decayed_week", "events, mean life 7 d", "what it did these weeks"),
    Feature("session_events", "log1p of a count", "depth of this visit; a visit ends after 30 minutes of silence"),
    Feature("sessions", "log1p of a count", "how often it came back"),
    Feature("hour_sine", "-1 to 1", "time of day, UTC"),
    Feature("hour_cosine", "-1 to 1", "time of day, UTC"),
    Feature("weekday", "0 = Monday to 6", "day of the week, UTC"),
    Feature("types", "a count", "how many kinds of things it has done, 12 at most"),
    Feature("type_events", "log1p of a count", "how often it has done this kind of thing, this event included"),
    Feature("type_gap", "log1p of hours", "since it last did this kind of thing; 0 the first time"),
    Feature("channel_events", "log1p of a count", "how often it was met on this channel, this event included"),
)
WIDTH = len(DENSE)
CLOCK = (10, 13)
"""Positions of the features that say only when, from and to (exclusive): they count for a tenant where they are shown to help."""
