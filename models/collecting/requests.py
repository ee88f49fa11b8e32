"""Requests that were published whole, read as events: what the collector does at once with a few events, a job does with many."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

from models.collecting.arrival import Arrival, BadEvent, Parsed, json_of
from models.collecting.protocols import cloudevents, own, segment, snowplow
from schemas.dead_letter import DeadLetter
from schemas.errors import PoisonRecordError
from schemas.ids import Millis, lead_key
from schemas.sent_request import SentRequest

NAMES = ("userId", "anonymousId", "user_id", "anonymous_id", "uid", "duid", "partitionkey", "subject")
"""Where an item of any protocol says whose event it is."""
LONGEST_KEY = 64
"""Bytes that BLAKE2 takes as its key."""


class Reading(NamedTuple):
    """How a protocol's requests are read once their JSON is decoded: `items_of` is the cheap look that tells how many events there are."""

    items_of: Callable[[Any], list[Any]]
    parse: Callable[[Any, Arrival, bool], Parsed]


READINGS: dict[str, Reading] = {
    "segment": Reading(segment.items_of, lambda given, arrival, _: segment.parse_batch(given, arrival)),
    "prox": Reading(own.items_of, lambda given, arrival, _: own.parse(given, arrival)),
    "snowplow": Reading(snowplow.items_of, lambda given, arrival, is_anonymous: snowplow.parse_payload(given, arrival, is_anonymous=is_anonymous)),
    "cloudevents": Reading(cloudevents.items_of, lambda given, arrival, _: cloudevents.parse_batch(given, arrival)),
}
"""Protocol → how its batches are read."""


def events_of(request: SentRequest, pseudonym_key: bytes) -> Parsed:
    """The events of a request; the same request gives the same events, ids included.

    Parameters
    ----------
    request
        As the collector published it: it has looked that there are events, and not too many.
    pseudonym_key
        Hashes addresses (`schemas.pseudonym`).

    Raises
    ------
    PoisonRecordError
        The protocol is not known, or the body is none of its requests.
    """
    reading = READINGS.get(request.protocol)
    if reading is None:
        raise PoisonRecordError(f"no protocol {request.protocol[:40]!r} of whole requests", reason="invalid")
    given = json_of(request.person.body)
    arrival = Arrival(
        request.tenant,
        request.source,
        request.received_at,
        pseudonym_key,
        request.request_id,
        request.person.ip,
        request.keeps_ip,
        request.user_agent,
        request.country,
        request.gpc,
        request.max_event_bytes,
        len(reading.items_of(given)),
    )
    return reading.parse(given, arrival, request.is_anonymous)


def key_of(tenant: str, first: Any, pseudonym_key: bytes) -> bytes:
    """The record's key: whom the first event names, as a hash, so that a person's requests keep their order and nobody is named.

    Examples
    --------
    >>> key_of("acme", {"userId": "ada"}, b"secret") == key_of("acme", {"userId": "ada", "event": "X"}, b"secret")
    True
    """
    named = next((name for name in map(first.get, NAMES) if isinstance(name, str | int)), "") if isinstance(first, dict) else ""
    hashed = blake2b(str(named).encode("utf-8", "surrogatepass"), digest_size=8, key=pseudonym_key[:LONGEST_KEY]).hexdigest()
    return lead_key(tenant, hashed).encode()


def letter_of(bad: BadEvent, *, tenant: str, source: str, protocol: str, failed_at: Millis, release: str) -> DeadLetter:
    """The dead letter of a bad event. Its key names tenant and source: with the stage, all that a later release needs to read it again."""
    return DeadLetter(f"collector.{protocol}", "http", bad.reason, bad.message, release, failed_at, lead_key(tenant, source).encode(), bad.value)
