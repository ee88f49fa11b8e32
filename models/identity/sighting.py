"""Event → the identifiers that it names together."""

from collections.abc import Callable
from typing import NamedTuple

from models.identity import kinds
from models.identity.kinds import DEVICE, EMAIL, LEAD, PHONE, USER, is_placeholder, node
from schemas.event import Event
from schemas.pseudonym import normalised_email, normalised_phone

Pseudonym = Callable[[str, str, str], str]
"""(tenant, kind, normalised address) → its keyed hash (`schemas.pseudonym`, with the deployment's key)."""


class Sighting(NamedTuple):
    """Identifiers that one event names together, at an instant in ms.

    `people` name a person, strongest first; `devices` are what it came from. `roles` are those of `people` that belong to a role.
    `alias` are two users that the event says are one person.
    """

    at: int
    people: tuple[str, ...]
    devices: tuple[str, ...]
    roles: tuple[str, ...] = ()
    alias: tuple[str, str] | None = None


def sighting_of(event: Event, pseudonym: Pseudonym | None) -> Sighting:
    """What an event says of identity. Placeholders (`null`, `guest`) are left out; a group (`account_id`) is no identifier of a person.

    A lead that is one of the event's other ids is that id: so a collector may key by user id or anonymous id. Any other lead is an id of
    its own, the strongest, which the producer answers for. Without a key, addresses that came without their hash join nothing.
    """
    people: set[str] = set()
    devices: set[str] = set()
    for kind, value in ((USER, event.user_id), (DEVICE, event.anonymous_id), *event.identifiers.items()):
        if value is not None and kinds.is_known_kind(kind) and not is_placeholder(value):
            (devices if kind in kinds.DEVICES else people).add(_named(kind, value))
    email = _email(event, pseudonym)
    phone = _phone(event, pseudonym)
    people |= {address for address in (email, phone) if address is not None}
    is_of_role = email is not None and event.person is not None and kinds.is_role(event.person.email or "")
    alias = None
    if event.user_id is not None and event.previous_id is not None and not (is_placeholder(event.user_id) or is_placeholder(event.previous_id)):
        alias = (_named(USER, event.user_id), _named(USER, event.previous_id))
        devices.add(node(DEVICE, event.previous_id))  # what is replaced may be either, and a name that nobody else uses joins nothing
    others = {event.user_id, event.anonymous_id, event.previous_id, *(kinds.lead_named_by(identifier) for identifier in people)}
    if event.lead not in others and not is_placeholder(event.lead):
        people.add(node(LEAD, event.lead))
    roles = (email,) if is_of_role and email is not None else ()
    if not people and not devices:  # all are placeholders, the lead too
        roles = (node(LEAD, event.lead),)
        people.update(roles)
    return Sighting(event.occurred_at, tuple(sorted(people, key=kinds.order)), tuple(sorted(devices, key=kinds.order)), roles, alias)


def _named(kind: str, value: str) -> str:
    # a collector writes an address that was given as an id as `email:HASH`: it is that address, wherever it stands
    return value if value.startswith((f"{EMAIL}{kinds.KIND_SEPARATOR}", f"{PHONE}{kinds.KIND_SEPARATOR}")) else node(kind, value)


def _email(event: Event, pseudonym: Pseudonym | None) -> str | None:
    known = event.identifiers.get(EMAIL)
    if known is None and pseudonym is not None and event.person is not None and event.person.email:
        address = normalised_email(event.person.email)
        known = None if address is None else pseudonym(event.tenant, EMAIL, address)
    return None if known is None else node(EMAIL, known)


def _phone(event: Event, pseudonym: Pseudonym | None) -> str | None:
    known = event.identifiers.get(PHONE)
    if known is None and pseudonym is not None and event.person is not None and event.person.phone:
        number = normalised_phone(event.person.phone)
        known = None if number is None else pseudonym(event.tenant, PHONE, number)
    return None if known is None else node(PHONE, known)
