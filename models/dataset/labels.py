"""Scoring points of a data set and their labels, by the rules of the manifest."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from models.dataset.facts import Facts
from models.dataset.manifest import Manifest
from schemas.ids import Millis
from schemas.outcome import WON


class ScoringPoint(NamedTuple):
    """An event that is scored and whose label the data tell. `event_id` is that of the event's record."""

    lead: str
    event_id: str
    occurred_at: Millis
    is_converted: bool


def scoring_points(manifest: Manifest, facts: Facts) -> Iterator[ScoringPoint]:
    """Scoring points in order of time; one whose window is not fully observed is left out."""
    window_ms = manifest.policy.window_ms
    label = _Labels(manifest, facts)
    for i, (at, event_type) in enumerate(zip(facts.times, facts.types, strict=True)):
        if not facts.is_event[i] or event_type in manifest.score.skip_types:
            continue
        if window_ms is not None and at + window_ms > facts.ends_at:
            continue
        if label.is_open(i):
            yield ScoringPoint(facts.leads[i], f"{manifest.name}:{facts.table.rows[i]}", at, label.is_converted(i))


class _Labels:
    """What became of each lead."""

    def __init__(self, manifest: Manifest, facts: Facts) -> None:
        self._manifest, self._facts = manifest, facts
        self._window_ms = manifest.policy.window_ms
        self._ends: dict[str, tuple[Millis, str]] = {}
        self._conversions: dict[str, list[Millis]] = {}
        if manifest.mode == "events":
            for lead, at, end in zip(facts.leads, facts.times, facts.outcomes, strict=True):
                if end is not None:
                    self._ends.setdefault(lead, (at, end))
                if end == WON:
                    self._conversions.setdefault(lead, []).append(at)

    def is_open(self, i: int) -> bool:
        """Whether the lead's outcome was still to come: only then is it scored."""
        if self._manifest.mode == "leads" or self._manifest.outcome.repeatable:
            return True
        end = self._ends.get(self._facts.leads[i])
        return end is None or self._facts.times[i] < end[0]

    def is_converted(self, i: int) -> bool:
        at, lead = self._facts.times[i], self._facts.leads[i]
        if self._manifest.mode == "leads":
            return self._facts.outcomes[i] == WON and (self._window_ms is None or self._is_within(at, self._facts.outcomes_at[i]))
        if self._manifest.outcome.repeatable:
            conversions = self._conversions.get(lead, [])
            later = bisect_right(conversions, at)
            return later < len(conversions) and self._is_within(at, conversions[later])
        end = self._ends.get(lead)
        return end is not None and end[1] == WON and self._is_within(at, end[0])

    def _is_within(self, at: Millis, converted_at: Millis | None) -> bool:
        if converted_at is None:
            return False
        return converted_at > at and (self._window_ms is None or converted_at <= at + self._window_ms)
