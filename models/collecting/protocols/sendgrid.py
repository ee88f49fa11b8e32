"""SendGrid's event webhook."""

from typing import Any

from models.collecting.arrival import Arrival, Parsed, parsed_each
from models.collecting.draft import Draft, event_of
from models.collecting.fields import PERSONAL_PROPERTIES, Properties, flatten
from models.collecting.instants import instant_of
from models.collecting.names import id_of
from models.collecting.places import masked, put_url
from models.collecting.protocols import email
from schemas.errors import PoisonRecordError
from schemas.event import OBSERVATION, Event

OWN = frozenset({"email", "timestamp", "event", "sg_event_id", "url", "useragent", "ip", "user_id", "anonymous_id", "smtp-id"})
"""Fields with a place of their own; the rest are properties, the sender's custom arguments among them."""


def parse(given: Any, arrival: Arrival) -> Parsed:
    """A request of SendGrid's, decoded.

    Raises
    ------
    PoisonRecordError
        It is no list, or holds too many events.
    """
    if not isinstance(given, list):
        raise PoisonRecordError("SendGrid sends a JSON list", reason="not_json")
    return parsed_each(given, lambda item, raw: _read(item, raw, arrival), arrival)


def _read(item: Any, raw: str, arrival: Arrival) -> Event:
    if type(item) is not dict:
        raise PoisonRecordError("an event must be a JSON object")
    known = email.SENDGRID.get(str(item.get("event")))
    if known is None:
        raise PoisonRecordError("no event of an e-mail that is known")
    type_, channel = known
    if item.get("sg_machine_open") is True:  # a mail program fetched the pixel, nobody read
        channel = OBSERVATION
    properties: Properties = {}
    person: dict[str, str] = {}
    flatten({name: value for name, value in item.items() if name not in OWN}, properties, person, PERSONAL_PROPERTIES)
    for name, part in (("email", "email"), ("ip", "ip")):
        if isinstance(item.get(name), str) and item[name]:
            person[part] = item[name]
    context = {"protocol": "sendgrid"}
    if isinstance(item.get("useragent"), str):
        context["user_agent"] = masked(item["useragent"])
    if isinstance(item.get("url"), str):
        put_url(item["url"], "page.url", context)
    draft = Draft(
        id_of(item.get("sg_event_id"), "sg_event_id"),
        type_,
        channel,
        id_of(item.get("user_id"), "user_id"),
        id_of(item.get("anonymous_id"), "anonymous_id"),
        instant_of(item.get("timestamp")),
        None,
        properties,
        context,
        person,
        raw,
    )
    return event_of(draft, arrival)
