"""Scoring points that wait for their labels, those of a lead in one value of Flink's state: read once, however many of its labels come due."""

from typing import Any

import msgpack

from jobs.operators.lane_state import BatchedState, DecodedCache
from schemas.errors import FatalError

VERSION = 1
Page = dict[int, bytes]
"""Sequence → point (`models.pairing.point_bytes`)."""


def page_to_bytes(page: Page) -> bytes:
    """A version byte, then msgpack."""
    return bytes((VERSION,)) + bytes(msgpack.packb(page))


def page_from_bytes(data: bytes) -> Page:
    """What `page_to_bytes` wrote.

    Raises
    ------
    FatalError
        Written by another version of the encoding.
    """
    if data[0] != VERSION:
        raise FatalError(f"waiting points of version {data[0]}, this release reads {VERSION}")
    page: Page = msgpack.unpackb(data[1:], strict_map_key=False)
    return page


class LanePoints:
    """Waiting points of the current lane's leads.

    Parameters
    ----------
    pages
        State: `tenant|lead` → its page. An entry for each lead with points that wait.
    singles
        State of releases before: `tenant|lead#sequence` → point. Read and emptied as points go, nothing is added.
    limit
        Pages kept decoded; those of all lanes share the room.
    """

    def __init__(self, pages: Any, singles: Any, *, limit: int) -> None:
        self._written = BatchedState(pages)
        self._pages: DecodedCache[Page] = DecodedCache(
            self._written, lambda data: {} if data is None else page_from_bytes(data), page_to_bytes, limit=limit
        )
        self._singles = singles
        self._changed: dict[str, Page] = {}

    def load(self, key: str, sequence: int) -> bytes:
        """A point.

        Raises
        ------
        FatalError
            There is none: state is not whole.
        """
        point = self._page(key).get(sequence)
        if point is None:
            point = self._singles.get(_single(key, sequence))
        if point is None:
            raise FatalError(f"state holds no point {sequence} of {key}, which its memory says is waiting")
        return bytes(point)

    def save(self, key: str, sequence: int, point: bytes) -> None:
        """Keep a point."""
        page = self._changed[key] = self._page(key)
        page[sequence] = point

    def drop(self, key: str, sequence: int) -> None:
        """Drop a point."""
        page = self._page(key)
        if page.pop(sequence, None) is None:
            self._singles.remove(_single(key, sequence))
        else:
            self._changed[key] = page

    def flush(self) -> None:
        """Give Flink what was changed."""
        for key, page in self._changed.items():
            if page:
                self._pages.save(key, page)
            else:
                self._pages.forget(key)
        self._changed = {}
        self._written.flush()

    def _page(self, key: str) -> Page:
        # a page that was changed and not yet written may have left the cache
        changed = self._changed.get(key)
        return self._pages.load(key) if changed is None else changed


def _single(key: str, sequence: int) -> str:
    return f"{key}#{sequence}"
