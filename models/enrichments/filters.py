"""Traffic that is no lead's: machines, and the tenant's own people."""

from models.enrichments.user_agent import BOT, LONGEST, USER_AGENT, parsed
from schemas.event import Event
from schemas.policy import EnrichmentPolicy

FILTERED = "filtered"
INTERNAL = "internal"


def reason(event: Event, policy: EnrichmentPolicy) -> str | None:
    """Why an event is not to be scored: `bot` or `internal`; None: it is.

    A machine says so by its user agent; the tenant's people by the domain of their address.
    """
    person = event.person
    if person is not None and person.email is not None and policy.internal_domains:
        domain = person.email.strip().lower().rpartition("@")[2]
        if domain in policy.internal_domains:
            return INTERNAL
    text = event.context.get(USER_AGENT)
    return BOT if text and parsed(text[:LONGEST]).device == BOT else None
