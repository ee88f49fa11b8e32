"""The definitions of all features: name, kind, unit, what they are for and how fast they fade."""

from math import log
from typing import NamedTuple

NUMBER, CATEGORY = "number", "category"
HOUR_LIFE_H, DAY_LIFE_H, WEEK_LIFE_H = 1.0, 48.0, 168.0
"""Mean lives of decayed counts, in hours: e to the -1 of an event is left after one."""


class Feature(NamedTuple):
    """A feature's definition: how it is called, what is counted, and why.

    Parameters
    ----------
    name
        As reasons name it; `…=<name>` where there is one for each type, channel or property.
    unit, purpose
        For people.
    kind
        NUMBER or CATEGORY.
    life_h
        Mean life in hours, of one that fades.
    """

    name: str
    unit: str
    purpose: str
    kind: str = NUMBER
    life_h: float | None = None

    @property
    def half_life_h(self) -> float | None:
        """Hours after which half of an event is left; None: it does not fade."""
        return None if self.life_h is None else self.life_h * log(2.0)


DENSE: tuple[Feature, ...] = (
    Feature("events", "log1p of a count", "how much the lead has done"),
    Feature("age", "log1p of hours", "how long the lead has been known"),
    Feature("gap", "log1p of hours", "how long it was silent before this event"),
    Feature("mean_gap", "log1p of hours", "its usual rhythm"),
    Feature("max_gap", "log1p of hours", "its longest silence"),
    Feature("decayed_hour", "events, mean life 1 h", "what it does right now", life_h=HOUR_LIFE_H),
    Feature("decayed_day", "events, mean life 2 d", "what it did these days", life_h=DAY_LIFE_H),
    Feature("decayed_week", "events, mean life 7 d", "what it did these weeks", life_h=WEEK_LIFE_H),
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
"""Numbers that are present in every vector, each at its position here."""
SPARSE: tuple[Feature, ...] = (
    Feature("event=<type>", "is it", "what it does", CATEGORY),
    Feature("channel=<channel>", "is it", "where it does it", CATEGORY),
    Feature("previous_event=<type>", "is it", "what it did before", CATEGORY),
    Feature("events_of_type=<type>", "log1p of a count", "how often it has done each kind of thing, 12 kinds at most"),
    Feature("type_decayed", "events, mean life 2 d", "how often it did this kind of thing these days", life_h=DAY_LIFE_H),
    Feature("events_of_channel=<channel>", "log1p of a count", "how often it was met on each channel, 6 at most"),
    Feature("decayed_of_channel=<channel>", "events, mean life 2 d", "how often it was met there these days", life_h=DAY_LIFE_H),
    Feature("stage", "from 1", "the highest stage of the tenant's funnel that it has reached; missing: none"),
    Feature("stage_gap", "log1p of hours", "since it reached that stage"),
    Feature("pace", "log1p of hours", "how long it took for each stage"),
    Feature("sum_of=<property>", "signed log1p", "all that its events so far say of a number, such as pages or a price; 4 numbers at most"),
    Feature("last_of=<property>", "signed log1p", "what the event before said of it"),
    Feature("<property>=<value>", "is it", "what the event says: campaign and source, device, place …", CATEGORY),
    Feature("<property>", "signed log1p", "a number that the event says"),
    Feature("profile.<trait>=<value>", "is it", "who it is, and its company's industry, country …", CATEGORY),
    Feature("profile.<trait>", "signed log1p", "a number of the lead or its company, such as employees"),
    Feature("pattern model", "logit", "what last night's trees say"),
)
"""Features that are in a vector where there is something to say. Counts of the past but for types are there from the second event on: before,
they would say what the event does. Crosses are found by the learner (`models.learning.trials`)."""
WIDTH = len(DENSE)
CLOCK = (10, 13)
"""Positions of the features that say only when, from and to (exclusive): they count for a tenant where they are shown to help."""
