"""One immutable fact about a lead, as it arrived."""

from typing import NamedTuple

from schemas.ids import Millis

PROFILE_UPDATED = "profile_updated"
"""Type of an event whose properties are traits of the lead: remembered as its profile, not an engagement."""

OBSERVATION = "observation"
"""Channel of events that are kept and shown but neither remembered nor scored."""


class Person(NamedTuple):
    """Whatever names a person. Nowhere else on the wire: so encryption and erasure have one place."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    ip: str | None = None


class Event(NamedTuple):
    """An event received. Key: `tenant|lead`; the record's Kafka timestamp is `occurred_at`.

    `lead` is a pseudonym the producer chose, never an address. (`tenant`, `lead`, `event_id`) is its identity: sent again, it counts once.
    """

    tenant: str
    lead: str
    event_id: str
    type: str
    channel: str
    occurred_at: Millis
    received_at: Millis
    properties: dict[str, str | float]
    context: dict[str, str]
    consent: dict[str, bool]
    anonymous_id: str | None = None
    user_id: str | None = None
    account_id: str | None = None
    person: Person | None = None
