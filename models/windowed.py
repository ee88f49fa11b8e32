"""How good the published predictions were, counted when their whole windows are over, whichever way they went."""

from typing import NamedTuple

import msgpack

from models.prequential import Prequential
from schemas.errors import FatalError
from schemas.example import MaturedExample

VERSION = 1
PARTS = 30
"""Predictions wait in parts of a window, a day of thirty: at most 32 parts, each 32 kB at hand and up to 40 kB in state, however many wait
(100,000 conversions: 253 kB in all)."""


class _Part(NamedTuple):
    """Predictions whose windows end in one part of time. `encoded` is what they were as bytes, until one more comes."""

    counts: Prequential
    encoded: list[bytes]


class WindowedPrequential:
    """Metrics in which conversions and silence wait alike, for the end of their window, rounded up to a part of it.

    A conversion is known when its interval ends, silence when the window does. Counted as they come to be known, the newest predictions
    would all be conversions.

    Parameters
    ----------
    window_ms
        The attribution window; None: labels wait for nothing but the outcome, and are counted as they come.
    """

    def __init__(self, window_ms: int | None) -> None:
        self.counted = Prequential()
        self._window_ms = window_ms
        self._parts: dict[int, _Part] = {}

    def take(self, example: MaturedExample, *, clock: int) -> None:
        """Count a final example when its window is over, by the tenant's event time in ms."""
        waits_until = clock if self._window_ms is None else self._end(example.as_of + self._window_ms)
        if waits_until > clock:
            part = self._parts.setdefault(waits_until, _Part(Prequential(), []))
            part.encoded.clear()
            part.counts.update(example.propensity, is_converted=example.is_converted)
        else:
            self.counted.update(example.propensity, is_converted=example.is_converted)

    def advance(self, clock: int) -> None:
        """Event time has come so far: count what has waited for it."""
        for end in sorted(end for end in self._parts if end <= clock):
            self.counted.add(self._parts.pop(end).counts)

    @property
    def waiting(self) -> int:
        """How many predictions wait for the end of their window."""
        return sum(part.counts.points for part in self._parts.values())

    def _end(self, at: int) -> int:
        assert self._window_ms is not None
        part_ms = max(self._window_ms // PARTS, 1)
        return -(-at // part_ms) * part_ms

    def to_bytes(self) -> bytes:
        """A version, what was counted, and what waits for which instant."""
        for part in self._parts.values():
            if not part.encoded:
                part.encoded.append(part.counts.to_bytes())
        waiting = [[end, part.encoded[0]] for end, part in sorted(self._parts.items())]
        return bytes(msgpack.packb([VERSION, self.counted.to_bytes(), waiting]))

    @classmethod
    def from_bytes(cls, data: bytes, window_ms: int | None) -> "WindowedPrequential":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, counted, waiting = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"windowed metrics of version {version}, this release reads {VERSION}")
        metrics = cls(window_ms)
        metrics.counted = Prequential.from_bytes(counted)
        metrics._parts = {end: _Part(Prequential.from_bytes(part), [part]) for end, part in waiting}
        return metrics
