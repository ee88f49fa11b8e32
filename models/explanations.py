"""Reasons in words, as a salesperson would say them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import expm1
from types import MappingProxyType
from typing import NamedTuple

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
    before, read, after = _wording(name)
    return before if read is None else f"{before}{read(value)}{after}"


class _Wording(NamedTuple):
    """What stands before and after a value, and how that is read; None: it is not said."""

    before: str
    read: Callable[[float], str] | None = None
    after: str = ""


@lru_cache(maxsize=10_000)  # of a few hundred features some thousands of reasons a second are pushed to CRMs
def _wording(name: str) -> _Wording:
    if name in _PLAIN:
        return _Wording(_PLAIN[name])
    if name in _COUNTS:
        return _around(_COUNTS[name], _counted("" if name == "type_events" else "event"))
    if name in _HOURS:
        return _around(_HOURS[name], _span)
    if name in _DECAYED:
        return _Wording("", _rounded("event"), f" {_DECAYED[name]}")
    return _of_others(name)


def _of_others(name: str) -> _Wording:
    attribute, equals, said = name.partition("=")
    if name == "sessions":
        wording = _Wording("", _counted("visit"))
    elif name == "types":
        wording = _Wording("", _rounded("kind"), " of events")
    elif name.startswith("no "):
        wording = _Wording(f"{_plain(name[3:])} is not known")
    elif attribute in ("events_of_type", "events_of_channel"):
        wording = _Wording(f"{_plain(said)}: ", _counted("time"))
    elif attribute == "decayed_of_channel":
        wording = _Wording(f"{_plain(said)}: ", _rounded("time"), " these days")
    elif name == "stage":
        wording = _Wording("reached stage ", _whole)
    elif attribute in _NUMBERS:
        wording = _Wording(f"{_plain(said)} {_NUMBERS[attribute]} ", _number)
    elif attribute in _EVENTS:
        wording = _Wording(f"{_plain(said)} {_EVENTS[attribute]}")
    else:
        wording = _Wording(f"{_plain(attribute)} is {said}", None if equals else _number)
    return wording


def _around(template: str, read: Callable[[float], str]) -> _Wording:
    before, _, after = template.partition("{}")
    return _Wording(before, read, after)


def _plain(name: str) -> str:
    return name.removeprefix("profile.").replace("_", " ")


def _whole(value: float) -> str:
    return str(round(value))


def _counted(noun: str) -> Callable[[float], str]:
    """Reads a count; without a noun, the bare number."""

    def read(value: float) -> str:
        # counts stand in a vector as log1p(n)
        count = max(round(expm1(min(value, 40.0))), 0)
        return _many(count, noun) if noun else str(count)

    return read


def _rounded(noun: str) -> Callable[[float], str]:
    """Reads what is about a count."""
    return lambda value: _many(max(round(value), 0), noun)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _span(value: float) -> str:
    """Reads hours, which stand in a vector as log1p(h)."""
    hours = expm1(min(value, 40.0))
    return _many(round(hours / HOURS_PER_DAY), "day") if hours >= LONG_H else _many(round(hours), "hour")


def _number(value: float) -> str:
    # numbers stand in a vector as sign(x) log1p(|x|)
    return f"{expm1(min(value, 700.0)) if value >= 0.0 else -expm1(min(-value, 700.0)):.6g}"
