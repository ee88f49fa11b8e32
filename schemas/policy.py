"""What a tenant decided: about labels, and about what is added to its events."""

from functools import lru_cache
from typing import NamedTuple

DAY_MS = 86_400_000
INTERVAL_SHARES = (1 / 30, 3 / 30, 7 / 30, 14 / 30, 1.0)
"""Ends of the intervals as shares of the attribution window: 1, 3, 7, 14 and 30 days of 30."""


class TenantPolicy(NamedTuple):
    """How one tenant's leads are scored and labelled.

    Parameters
    ----------
    window_ms
        The attribution window H in milliseconds; None: an outcome is known for every scoring point, whenever it comes.
    skip_types
        Events of these types are remembered but not scored.
    is_repeatable
        Whether a lead can convert again and again. If not, nothing is scored after the first outcome.
    prior
        Propensity before any label, in (0, 1).
    challengers
        Learners that score every event beside the champion (`models.learning.configurations`).
    stages
        Event types that stand for a stage of the tenant's funnel, the earliest stage first; none: it names no stages.
    """

    window_ms: int | None = 30 * DAY_MS
    skip_types: frozenset[str] = frozenset()
    is_repeatable: bool = False
    prior: float = 0.15
    challengers: tuple[str, ...] = ()
    stages: tuple[tuple[str, ...], ...] = ()

    def stage_of(self, event_type: str) -> int:
        """The stage that a type stands for, from 1; 0: none."""
        return _stages(self.stages).get(event_type, 0) if self.stages else 0

    @property
    def interval_ends_ms(self) -> tuple[int, ...]:
        """Ends of the K intervals after a scoring point, in milliseconds; empty without a window (K = 1)."""
        return _interval_ends_ms(self.window_ms)


@lru_cache
def _stages(stages: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    return {event_type: number for number, types in enumerate(stages, 1) for event_type in types}


@lru_cache
def _interval_ends_ms(window_ms: int | None) -> tuple[int, ...]:
    return () if window_ms is None else tuple(round(window_ms * share) for share in INTERVAL_SHARES)


ENRICHMENTS = frozenset({"traffic", "user_agent", "geo", "consent", "filters"})
"""Names of what is added to events (`models.enrichments.registry`)."""


class EnrichmentPolicy(NamedTuple):
    """What is added to one tenant's events.

    Parameters
    ----------
    off
        Those of ENRICHMENTS that the tenant does without.
    internal_domains
        Domains of the tenant's own people, in small letters: their events are not scored.
    """

    off: frozenset[str] = frozenset()
    internal_domains: frozenset[str] = frozenset()
