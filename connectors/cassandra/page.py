"""A part of an answer, and where the next part begins."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")
P = TypeVar("P")
Row = Any


class Moment(NamedTuple):
    """A position in rows that are ordered by time, newest first, and then by id: the last row that was given."""

    at: int
    id: str


class Page(NamedTuple, Generic[T, P]):
    """Some of the items; `next` is the position to ask from for more, None at the end."""

    items: list[T]
    next: P | None


def page_of(items: list[T], limit: int, position: Callable[[T], P]) -> Page[T, P]:
    """A page of at most `limit` items, when one more than that was asked for to see whether there is more."""
    return Page(items[:limit], position(items[limit - 1]) if len(items) > limit else None)


def walk(months: Iterable[int], fetch: Callable[[int, int], Iterable[T]], limit: int) -> list[T]:
    """The first `limit` rows over months, which are asked one by one, each for as many rows as still lack."""
    rows: list[T] = []
    for month in months:
        rows.extend(fetch(month, limit - len(rows)))
        if len(rows) >= limit:
            break
    return rows
