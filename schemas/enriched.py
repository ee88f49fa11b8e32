"""An event joined with what is known of its lead."""

from typing import NamedTuple

from schemas.event import Person
from schemas.ids import Millis


class EnrichedEvent(NamedTuple):
    """An event as the engine reads it. Key: `tenant|lead`; Kafka timestamp: `occurred_at`.

    Properties and profile are parted into texts and numbers: a union costs the encoder a microsecond for each value.
    The profile is the lead's as of this event, this event's own update included.
    `sequence` counts the lead's events from 1, and is the same when an event is published again after a failure: a reader that
    remembers the last one it took drops the repeats. `source` is the source of the write key that it came by: who said it.
    """

    tenant: str
    lead: str
    event_id: str
    sequence: int
    type: str
    channel: str
    occurred_at: Millis
    received_at: Millis
    texts: dict[str, str]
    numbers: dict[str, float]
    profile_texts: dict[str, str]
    profile_numbers: dict[str, float]
    context: dict[str, str]
    consent: dict[str, bool]
    account_id: str | None = None
    person: Person | None = None
    source: str = ""
