"""Every enrichment by name, and an event with those that its tenant has."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from models.enrichments import consent, filters, geo, traffic, user_agent
from schemas.event import OBSERVATION, Event
from schemas.policy import ENRICHMENTS, EnrichmentPolicy

Add = Callable[[Event, dict[str, str]], None]
"""Reads an event, and adds to its context."""

ADDITIONS: Mapping[str, Add] = {"traffic": traffic.add, "user_agent": user_agent.add, "geo": geo.add, "consent": consent.add}
"""In the order in which they are made."""
FILTERS = "filters"
"""The one that does not add but decides: what is no lead's is kept and shown, and neither remembered nor scored."""
assert ENRICHMENTS == {*ADDITIONS, FILTERS}, "schemas.policy names what tenants may switch off: keep it and the registry together"


def apply(event: Event, policy: EnrichmentPolicy) -> Event:
    """The event with what its tenant wants added; the same object where there is nothing to read."""
    if not (event.context or event.consent or event.is_consent_stated or event.gpc or event.person):
        return event
    additions, has_filters = _chosen(policy.off)
    reason = filters.reason(event, policy) if has_filters else None
    if not additions and reason is None:
        return event
    context = event.context.copy()
    for add in additions:
        add(event, context)
    if reason is None:
        return event._replace(context=context)
    context[filters.FILTERED] = reason
    return event._replace(context=context, channel=OBSERVATION)


@lru_cache
def _chosen(off: frozenset[str]) -> tuple[tuple[Add, ...], bool]:
    return tuple(add for name, add in ADDITIONS.items() if name not in off), FILTERS not in off
