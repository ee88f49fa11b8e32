"""An event in the making: every protocol fills one in, and this makes the event of it."""

from typing import Any, NamedTuple

from models.collecting.arrival import Arrival
from models.collecting.fields import Properties, person_name
from models.collecting.instants import corrected
from models.collecting.places import address, masked
from models.identity.naming import VIA
from schemas.errors import PoisonRecordError
from schemas.event import OBSERVATION, OWN_TYPES, Event, Person
from schemas.ids import Millis
from schemas.pseudonym import normalised_email, normalised_phone

NO_LEAD = "no_user_anon_id"
"""Reason of an event that is nobody's; Segment's own word."""
RESERVED = "reserved_type"
"""Reason of an event that says what only the jobs may say: a write key stands in every visitor's browser, and must not move leads."""


class Draft(NamedTuple):
    """What a protocol read of one event, in the sender's words. `person` has `email`, `phone`, `name`, `first`, `last`, `ip`."""

    event_id: str | None
    type: str
    channel: str
    user_id: str | None
    anonymous_id: str | None
    original_at: Millis | None
    sent_at: Millis | None
    properties: Properties
    context: dict[str, str]
    person: dict[str, str]
    original: str
    previous_id: str | None = None
    account_id: str | None = None
    identifiers: dict[str, str] | None = None
    consent: dict[str, bool] | None = None
    gpc: bool = False
    lead: str | None = None


def event_of(draft: Draft, arrival: Arrival) -> Event:
    """The event: addresses become pseudonyms, the clock is corrected, the lead is named.

    Raises
    ------
    PoisonRecordError
        Nothing in it names a lead (reason `no_user_anon_id`), or its type is one of the jobs' own (reason `reserved_type`).
    """
    if draft.channel == OBSERVATION and draft.type in OWN_TYPES:
        raise PoisonRecordError(f"{draft.type} is what only the jobs say: choose another type", reason=RESERVED)
    identifiers = draft.identifiers or {}
    person = draft.person
    user_id, anonymous_id, previous_id, account_id = draft.user_id, draft.anonymous_id, draft.previous_id, draft.account_id
    if user_id and "@" in user_id:
        user_id = _hidden(user_id, person, arrival)
    if anonymous_id and "@" in anonymous_id:
        anonymous_id = _hidden(anonymous_id, person, arrival)
    if previous_id and "@" in previous_id:
        previous_id = _hidden(previous_id, {}, arrival)
    if account_id and "@" in account_id:
        account_id = _hidden(account_id, {}, arrival)
    event_id = draft.event_id or ""  # `parsed_each` gives it one by its position
    if "@" in event_id:
        event_id = f"text:{arrival.pseudonym_of('text', event_id)}"  # the same for a repeat
    named = None
    if person:
        identifiers = {**identifiers, **_pseudonyms(person, arrival)}
        ip = person.get("ip")
        kept_ip = address(ip, whole=arrival.keeps_ip) if ip else None
        named = Person(person.get("email"), person.get("phone"), person_name(person), kept_ip, draft.original)
    lead = draft.lead or user_id or anonymous_id or _by_address(identifiers)
    if lead is None:
        raise PoisonRecordError("neither userId nor anonymousId: whose event is it?", reason=NO_LEAD)
    if "@" in lead:
        lead = _hidden(lead, {}, arrival)
    context = {name: value for name, value in draft.context.items() if name != VIA} if VIA in draft.context else draft.context
    if arrival.country and "geo.country" not in context:
        context = {**context, "geo.country": arrival.country}  # a protocol may share one context between events
    occurred_at, is_clamped = corrected(draft.original_at, draft.sent_at, arrival.received_at)
    return Event(
        arrival.tenant,
        lead,
        event_id,
        draft.type,
        draft.channel,
        occurred_at,
        arrival.received_at,
        draft.properties,
        context,
        draft.consent or {},
        anonymous_id,
        user_id,
        account_id,
        named or Person(None, None, None, None, draft.original),
        previous_id,
        identifiers,
        arrival.source,
        draft.original_at,
        draft.sent_at,
        is_clamped,
        draft.consent is not None,
        draft.gpc or arrival.gpc,
    )


def consent_of(stated: Any) -> dict[str, bool] | None:
    """Categories of a consent object (Segment's `context.consent`); None where none was sent, empty where all is refused."""
    if not isinstance(stated, dict):
        return None
    categories = stated.get("categoryPreferences")
    if not isinstance(categories, dict):
        return None
    # anything but true is no consent
    return {masked(category): allowed is True for category, allowed in categories.items()}


def _hidden(name: str, person: dict[str, str], arrival: Arrival) -> str:
    """An id that is an address, as a pseudonym; the address moves to the person."""
    email = normalised_email(name)
    if email is None:
        # part of it is an address, as in `ada@x.example (old)`: nothing to compare by, and nothing to show
        return f"text:{arrival.pseudonym_of('text', name)}"
    person.setdefault("email", email)
    return f"email:{arrival.pseudonym_of('email', email)}"


def _pseudonyms(person: dict[str, str], arrival: Arrival) -> dict[str, str]:
    found = {}
    email = normalised_email(person["email"]) if "email" in person else None
    if email:
        found["email"] = arrival.pseudonym_of("email", email)
    phone = normalised_phone(person["phone"]) if "phone" in person else None
    if phone:
        found["phone"] = arrival.pseudonym_of("phone", phone)
    return found


def _by_address(identifiers: dict[str, str]) -> str | None:
    for kind in ("email", "phone"):
        if kind in identifiers:
            return f"{kind}:{identifiers[kind]}"
    return None
