"""The due queue of a lane: which leads need attention once event time has come so far."""

from collections.abc import Iterable
from typing import Protocol

BUCKET_MS = 600_000
"""Dues are rounded up to ten minutes: a label may be learned that much late, never early."""
SEPARATOR = "\n"


def bucket_of(due_at: float) -> int:
    """The bucket that ends at or after this instant, in ms."""
    return -int(-due_at // BUCKET_MS) * BUCKET_MS


class DueStore(Protocol):
    """Where the queue lives: a map of text to bytes, one for each lane."""

    def read(self, key: str) -> bytes | None:
        """The value, or None."""

    def write(self, key: str, value: bytes) -> None:
        """Set the value."""

    def delete(self, key: str) -> None:
        """Drop the value."""

    def keys(self) -> Iterable[str]:
        """All keys."""


class DueQueue:
    """Keys by the time they are due. A bucket is kept in pages, one for each batch, so that adding never reads what is there.

    A page's key is `bucket:number`, its value the keys joined by newlines. In memory there is only the count of pages for each bucket.
    """

    def __init__(self, store: DueStore) -> None:
        self._store = store
        self._pages: dict[int, int] = {}
        for key in store.keys():  # noqa: SIM118 - a DueStore is no dict
            bucket, _, page = key.partition(":")
            self._pages[int(bucket)] = max(self._pages.get(int(bucket), 0), int(page) + 1)

    def add(self, due: dict[int, list[str]]) -> None:
        """Queue keys under their buckets (`bucket_of`)."""
        for bucket, keys in due.items():
            page = self._pages.get(bucket, 0)
            self._store.write(f"{bucket}:{page}", SEPARATOR.join(keys).encode())
            self._pages[bucket] = page + 1

    def take(self, now: int) -> list[str]:
        """Remove and give the keys of every bucket that is over, each key once, the earliest due first."""
        taken: dict[str, None] = {}
        for bucket in sorted(bucket for bucket in self._pages if bucket <= now):
            for page in range(self._pages.pop(bucket)):
                key = f"{bucket}:{page}"
                taken.update(dict.fromkeys((self._store.read(key) or b"").decode().split(SEPARATOR)))
                self._store.delete(key)
        taken.pop("", None)
        return list(taken)

    def next_due(self) -> int | None:
        """The earliest bucket that holds anything, in ms; None: nothing is due ever."""
        return min(self._pages, default=None)
