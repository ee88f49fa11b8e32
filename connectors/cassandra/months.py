"""Months as partition keys: 201201 is January 2012, UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from schemas.ids import Millis

EPOCH = datetime(1970, 1, 1)  # naive, as the driver speaks UTC
_MILLISECOND = timedelta(milliseconds=1)
_DAY_MS = 86_400_000
_month_of_day: dict[int, int] = {}


def month_of(at: Millis) -> int:
    """The month in which an instant lies. Remembered by day, of which there are few."""
    day = at // _DAY_MS
    month = _month_of_day.get(day)
    if month is None:
        date = datetime.fromtimestamp(day * 86_400, UTC)
        month = _month_of_day[day] = date.year * 100 + date.month
    return month


def months_back(newest: Millis, oldest: Millis) -> Iterator[int]:
    """Every month from the one of `newest` back to the one of `oldest`, both included; none if `newest` is before `oldest`."""
    month, last = month_of(newest), month_of(oldest)
    while month >= last:
        yield month
        month = month - 1 if month % 100 > 1 else month - 100 + 11


def millis(at: datetime) -> Millis:
    """The driver's naive UTC instant as milliseconds."""
    return Millis((at - EPOCH) // _MILLISECOND)
