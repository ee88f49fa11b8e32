"""SendGrid's event webhook, signed by ECDSA."""

from collections.abc import Mapping
from typing import Any

from api.collector.arrival import Arrival, Parsed, json_of, parsed_each
from api.collector.keys import WebhookSettings
from api.collector.mapping.draft import Draft, event_of
from api.collector.mapping.fields import PERSONAL_PROPERTIES, Properties, flatten
from api.collector.mapping.instants import instant_of
from api.collector.mapping.names import id_of
from api.collector.mapping.places import masked, put_url
from api.collector.protocols import email, signatures
from schemas.errors import PoisonRecordError
from schemas.event import OBSERVATION, Event

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
OWN = frozenset({"email", "timestamp", "event", "sg_event_id", "url", "useragent", "ip", "user_id", "anonymous_id", "smtp-id"})
"""Fields with a place of their own; the rest are properties, the sender's custom arguments among them."""


def parse(body: bytes, headers: Mapping[str, str], settings: WebhookSettings, arrival: Arrival) -> Parsed:
    """A request of SendGrid's.

    Raises
    ------
    PoisonRecordError
        As `webhooks.parse`.
    """
    stamp = headers.get(TIMESTAMP, "")
    signatures.check_ecdsa(settings.secret.get_secret_value(), stamp.encode("latin-1") + body, headers.get(SIGNATURE, ""))
    signatures.check_window(stamp, arrival.received_at, settings.window_s)
    items = json_of(body)
    if not isinstance(items, list):
        raise PoisonRecordError("SendGrid sends a JSON list", reason="not_json")
    return parsed_each(items, lambda item, raw: _read(item, raw, arrival), arrival)


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
