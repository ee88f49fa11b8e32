"""Mailgun's webhooks."""

from typing import Any

from models.collecting.arrival import Arrival, Parsed, parsed_each
from models.collecting.draft import Draft, event_of
from models.collecting.fields import PERSONAL_PROPERTIES, Properties, flatten
from models.collecting.instants import instant_of
from models.collecting.names import id_of
from models.collecting.places import masked, put_url
from models.collecting.protocols import email
from schemas.errors import PoisonRecordError
from schemas.event import Event


def parse(given: Any, arrival: Arrival) -> Parsed:
    """A request of Mailgun's, decoded: one event, beside its signature."""
    item = given.get("event-data") if isinstance(given, dict) else None
    return parsed_each([item], lambda one, raw: _read(one, raw, arrival), arrival)


def _read(item: Any, raw: str, arrival: Arrival) -> Event:
    if type(item) is not dict:
        raise PoisonRecordError("event-data must be a JSON object")
    known = email.MAILGUN.get(str(item.get("event")))
    if known is None:
        raise PoisonRecordError("no event of an e-mail that is known")
    variables = item.get("user-variables")
    variables = variables if isinstance(variables, dict) else {}
    client = item.get("client-info")
    client = client if isinstance(client, dict) else {}
    place = item.get("geolocation")
    place = place if isinstance(place, dict) else {}
    properties: Properties = {}
    person: dict[str, str] = {}
    told = {name: item[name] for name in ("tags", "campaigns", "severity", "reason") if name in item}
    flatten({**told, **{k: v for k, v in variables.items() if k not in ("user_id", "anonymous_id")}}, properties, person, PERSONAL_PROPERTIES)
    for name, part in (("recipient", "email"), ("ip", "ip")):
        if isinstance(item.get(name), str) and item[name]:
            person[part] = item[name]
    context = {"protocol": "mailgun"}
    for source, name, kept in ((client, "user-agent", "user_agent"), (client, "device-type", "device.type"), (place, "country", "geo.country")):
        if isinstance(source.get(name), str):
            context[kept] = masked(source[name])
    if isinstance(item.get("url"), str):
        put_url(item["url"], "page.url", context)
    draft = Draft(
        id_of(item.get("id"), "id"),
        *known,
        id_of(variables.get("user_id"), "user_id"),
        id_of(variables.get("anonymous_id"), "anonymous_id"),
        instant_of(item.get("timestamp")),
        None,
        properties,
        context,
        person,
        raw,
    )
    return event_of(draft, arrival)
