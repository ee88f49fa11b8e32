"""A move as an event of the id that moves: so it has one place among the id's events, whoever fails meanwhile."""

from schemas.event import LEAD_MOVED, OBSERVATION, Event
from schemas.identity import LeadMoved


def event_of(moved: LeadMoved) -> Event:
    """The event that tells the id's own lane; the same for the same move."""
    return Event(
        tenant=moved.tenant,
        lead=moved.lead,
        event_id=f"{LEAD_MOVED}|{moved.number}",
        type=LEAD_MOVED,
        channel=OBSERVATION,
        occurred_at=moved.occurred_at,
        received_at=moved.received_at,
        properties={
            "to": moved.to,
            "before": moved.before,
            "memory_from": moved.memory_from,
            "number": float(moved.number),
            "is_nobody": float(moved.is_nobody),
        },
        context={},
        consent={},
    )
