"""Event → the id under which it belongs, as far as the event alone can tell, and what it says of identity."""

from typing import NamedTuple

from models.identity.kinds import ATTACHING, is_placeholder, kind_of, lead_named_by
from models.identity.sighting import Pseudonym, Sighting, sighting_of
from schemas.event import Event

VIA = "identity.via"
"""In an event's context: the id under which it came, where that stands for another lead."""


class Named(NamedTuple):
    """Whose an event is by its own words.

    `lead` is the id of the strongest identifier that is one person's: what it did is kept under this id, and goes where the id goes.
    `seen` is None where the event names nothing but that. `is_nobody`: all that it names is shared by its nature.
    """

    lead: str
    seen: Sighting | None = None
    is_nobody: bool = False


def named(event: Event, pseudonym: Pseudonym | None) -> Named:
    """The id that an event belongs under, whatever its sender called the lead.

    A form that was filled in on somebody else's device names its own person by the address: not the device, which a collector may have
    keyed it by. The mailbox of a role names nobody, so there the device counts; a telephone, which people share, only where there is no device.
    """
    if not _says_more(event):
        return Named(event.lead)
    seen = sighting_of(event, pseudonym)
    people = [person for person in seen.people if person not in seen.roles]
    strong = next((person for person in people if kind_of(person) not in ATTACHING), None)
    of = strong or next(iter((*seen.devices, *people)), None)
    return Named(lead_named_by(of or seen.people[0]), seen, is_nobody=of is None)


def gone_on(event: Event) -> Event:
    """The event on its way to another lead, marked with the id under which it came first."""
    return event._replace(context={**event.context, VIA: event.context.get(VIA, event.lead)})


def _says_more(event: Event) -> bool:
    # most events name one id and nothing else: they are to cost next to nothing
    lead, person = event.lead, event.person
    return bool(
        event.identifiers
        or event.anonymous_id not in (None, lead)
        or event.user_id not in (None, lead)
        or event.previous_id
        or (person is not None and (person.email or person.phone))
        or is_placeholder(lead)
    )
