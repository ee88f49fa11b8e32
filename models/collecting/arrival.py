"""What is known of a request besides its body, and what a parser makes of it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from schemas.crm_change import CrmChange
from schemas.errors import PoisonRecordError
from schemas.event import Event
from schemas.ids import Millis
from schemas.pseudonym import pseudonym


class Arrival(NamedTuple):
    """A request of a known sender.

    Parameters
    ----------
    tenant, source
        Of the write key.
    received_at
        When its body was read.
    pseudonym_key
        Hashes addresses (`schemas.pseudonym`).
    request_id
        Of the request: an event that brings no id gets one of it and its position, so another reading of the same request gives the same.
    ip
        The sender's address as it may be kept; None: it may not.
    keeps_ip
        Whether whole addresses may be kept.
    user_agent, country
        From headers.
    gpc
        `Sec-GPC: 1`.
    max_event_bytes, max_batch_events
        Larger ones are refused: an event as a dead letter, a batch with its request.
    """

    tenant: str
    source: str
    received_at: Millis
    pseudonym_key: bytes
    request_id: str
    ip: str | None = None
    keeps_ip: bool = False
    user_agent: str | None = None
    country: str | None = None
    gpc: bool = False
    max_event_bytes: int = 32_768
    max_batch_events: int = 2_500

    def pseudonym_of(self, kind: str, normalised: str) -> str:
        """The keyed hash of an address."""
        return pseudonym(self.pseudonym_key, self.tenant, kind, normalised)


class BadEvent(NamedTuple):
    """What was sent for one event, whole, and why it is none."""

    value: bytes
    reason: str
    message: str


class Parsed(NamedTuple):
    """What a request held: events in order, those that are none, a token if the request may be taken once only, and what a CRM says has changed."""

    events: list[Event]
    bad: list[BadEvent]
    token: str | None = None
    changes: Sequence[CrmChange] = ()


def parsed_each(items: list[Any], read: Callable[[Any, str], Event], arrival: Arrival) -> Parsed:
    """Judge the items of a batch one by one.

    Parameters
    ----------
    items
        As the sender wrote them, decoded.
    read
        An item and its text → event, without an id where the sender gave none; raises PoisonRecordError.
    arrival
        Holds the limits.

    Raises
    ------
    PoisonRecordError
        There are too many items (reason `too_large`).
    """
    check_count(len(items), arrival.max_batch_events)
    events: list[Event] = []
    bad: list[BadEvent] = []
    for position, item in enumerate(items):
        raw = orjson.dumps(item)
        try:
            if len(raw) > arrival.max_event_bytes:
                raise PoisonRecordError(f"an event of {len(raw)} bytes, {arrival.max_event_bytes} are taken", reason="too_large")
            event = read(item, raw.decode())
            events.append(event if event.event_id else event._replace(event_id=f"{arrival.request_id}-{position}"))
        except PoisonRecordError as exc:
            bad.append(BadEvent(raw, exc.reason, str(exc)))
    return Parsed(events, bad)


def check_count(events: int, max_batch_events: int) -> None:
    """Refuse a request of too many events.

    Raises
    ------
    PoisonRecordError
        Reason `too_large`.
    """
    if events > max_batch_events:
        raise PoisonRecordError(f"{events} events in one request, {max_batch_events} are taken: send smaller batches", reason="too_large")


def json_of(body: bytes) -> Any:
    """The body's JSON.

    Raises
    ------
    PoisonRecordError
        It is none: the message says where.
    """
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as exc:
        # its own message may quote the text, which may name a person
        raise PoisonRecordError(f"the body is no JSON: line {exc.lineno}, column {exc.colno}", reason="not_json") from exc
