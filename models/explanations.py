"""Reasons in words, as a salesperson would say them."""

from collections.abc import Mapping
from math import expm1
from types import MappingProxyType

HOURS_PER_DAY = 24.0
LONG_H = 48.0
"""From two days on people count in days."""

_COUNTS: Mapping[str, str] = MappingProxyType(
    {"events": "{} in all", "session_events": "{} in this visit", "type_events": "did this {} times", "channel_events": "{} on this channel"}
)
_HOURS: Mapping[str, str] = MappingProxyType(
    {
        "age": "known for {}",
        "gap": "silent for {} before",
        "mean_gap": "comes every {}",
        "max_gap": "was once silent for {}",
        "type_gap": "{} since it last did this",
        "stage_gap": "reached its stage {} ago",
        "pace": "took {} for each stage",
    }
)
_DECAYED: Mapping[str, str] = MappingProxyType(
    {"decayed_hour": "this hour", "decayed_day": "these days", "decayed_week": "this week", "type_decayed": "of this kind these days"}
)
_EVENTS: Mapping[str, str] = MappingProxyType({"event": "just now", "previous_event": "before"})
_NUMBERS: Mapping[str, str] = MappingProxyType({"sum_of": "so far:", "last_of": "before:"})
_PLAIN: Mapping[str, str] = MappingProxyType(
    {
        "hour_sine": "the time of day",
        "hour_cosine": "the time of day",
        "weekday": "the day of the week",
        "pattern model": "the pattern of all it did, as last night's model sees it",
    }
)


def in_words(name: str, value: float) -> str:
    """What a feature says of a lead.

    Parameters
    ----------
    name
        As the engine names it: `gap`, `channel=web`, `events_of_type=email_opened`, `profile.plan=pro`, `no city`, `amount`.
    value
        As it stands in the vector, finite; that of a category or of an absence does not matter.

    Examples
    --------
    >>> in_words("events_of_type=email_opened", 1.3862944)
    'email opened: 3 times'
    >>> in_words("gap", 4.2904594), in_words("profile.job_title=CTO", 1.0), in_words("no city", 0.0)
    ('silent for 3 days before', 'job title is CTO', 'city is not known')
    """
    if name in _PLAIN:
        return _PLAIN[name]
    if name in _COUNTS:
        count = _count(value)
        return _COUNTS[name].format(count if name == "type_events" else _many(count, "event"))
    if name in _HOURS:
        return _HOURS[name].format(_span(expm1(min(value, 40.0))))
    if name in _DECAYED:
        return f"{_many(max(round(value), 0), 'event')} {_DECAYED[name]}"
    return _of_others(name, value)


def _of_others(name: str, value: float) -> str:
    attribute, equals, said = name.partition("=")
    if name == "sessions":
        words = _many(_count(value), "visit")
    elif name == "types":
        words = f"{_many(round(value), 'kind')} of events"
    elif name.startswith("no "):
        words = f"{_plain(name[3:])} is not known"
    elif attribute in ("events_of_type", "events_of_channel"):
        words = f"{_plain(said)}: {_many(_count(value), 'time')}"
    elif attribute == "decayed_of_channel":
        words = f"{_plain(said)}: {_many(max(round(value), 0), 'time')} these days"
    elif name == "stage":
        words = f"reached stage {round(value)}"
    elif attribute in _NUMBERS:
        words = f"{_plain(said)} {_NUMBERS[attribute]} {_number(value)}"
    elif attribute in _EVENTS:
        words = f"{_plain(said)} {_EVENTS[attribute]}"
    else:
        words = f"{_plain(attribute)} is {said if equals else _number(value)}"
    return words


def _plain(name: str) -> str:
    return name.removeprefix("profile.").replace("_", " ")


def _count(value: float) -> int:
    return max(round(expm1(min(value, 40.0))), 0)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _span(hours: float) -> str:
    return _many(round(hours / HOURS_PER_DAY), "day") if hours >= LONG_H else _many(round(hours), "hour")


def _number(value: float) -> str:
    # numbers stand in a vector as sign(x) log1p(|x|)
    return f"{expm1(min(value, 700.0)) if value >= 0.0 else -expm1(min(-value, 700.0)):.6g}"
