"""One immutable fact about a lead, as it arrived."""

from typing import NamedTuple

from schemas.ids import Millis

PROFILE_UPDATED = "profile_updated"
"""Type of an event whose properties are traits of the lead: remembered as its profile, not an engagement."""

OBSERVATION = "observation"
"""Channel of events that are kept and shown but neither remembered nor scored."""

ALIASED = "aliased"
"""Type of an event that says that `previous_id` and `user_id` are one person; its channel is `observation`."""

ACCOUNT_UPDATED = "account_updated"
"""Type of an event that says that the lead works for `account_id`; its properties are traits of the account. Its channel is `observation`."""

LEAD_MOVED = "lead_moved"
"""Type of the jobs' own event that says that the lead's id stands for another lead from here on (`models.identity.moves`)."""

MEMORY_MOVED = "memory_moved"
"""Type of the jobs' own event that brings a lead what was remembered under another id, or takes it away (`models.handover`)."""

PROFILE_MOVED = "profile_moved"
"""Type of the jobs' own event that brings a lead the traits that another id had; `context` says when each became known."""

OWN_TYPES = frozenset({LEAD_MOVED, MEMORY_MOVED, PROFILE_MOVED})
"""What the jobs tell each other in a lead's own stream, so that it has one place among the lead's events; their channel is `observation`."""


class Person(NamedTuple):
    """Whatever names a person. Nowhere else on the wire: so encryption and erasure have one place."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    ip: str | None = None
    original: str | None = None
    """What the sender wrote, word by word: a mistake in mapping it is mended by a replay. Only on events as received."""


class Event(NamedTuple):
    """An event received. Key: `tenant|lead`; the record's Kafka timestamp is `occurred_at`.

    `lead` is a pseudonym the producer chose, never an address. (`tenant`, `lead`, `event_id`) is its identity: sent again, it counts once.

    `identifiers` are further names of the lead that are no addresses, by kind: `email` and `phone` as `schemas.pseudonym` writes them,
    `crm.salesforce`, `crm.hubspot`, `network_id`. `source` is the source of the write key that it came by. `original_at` and `sent_at` are the
    sender's own stamps, from which `occurred_at` was corrected; `is_clamped` says that they were absurd and `received_at` stands in.
    `is_consent_stated` tells an empty `consent` (everything refused) from none; `gpc` is a browser's opt-out of sale and sharing.
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
    previous_id: str | None = None
    identifiers: dict[str, str] = {}  # noqa: RUF012 - an event is never changed in place
    source: str = ""
    original_at: Millis | None = None
    sent_at: Millis | None = None
    is_clamped: bool = False
    is_consent_stated: bool = False
    gpc: bool = False
