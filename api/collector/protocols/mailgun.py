"""Mailgun's webhooks, signed by HMAC over a stamp and a token."""

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
from schemas.event import Event


def parse(body: bytes, headers: Mapping[str, str], settings: WebhookSettings, arrival: Arrival) -> Parsed:  # noqa: ARG001 - all webhooks are called alike
    """A request of Mailgun's: its signature stands in the body.

    The signature covers stamp and token, not the event: who saw one request could send another event with its signature for as long
    as the window is open. So the token may be used once.

    Raises
    ------
    PoisonRecordError
        As `webhooks.parse`.
    """
    given = json_of(body)
    signed, item = (given.get("signature"), given.get("event-data")) if isinstance(given, dict) else (None, None)
    if not isinstance(signed, dict) or not all(isinstance(signed.get(name), str) for name in ("token", "signature")):
        raise PoisonRecordError("no signature", reason="forged")
    stamp = str(signed.get("timestamp"))
    signatures.check_hmac(settings.secret.get_secret_value().encode(), (stamp + signed["token"]).encode("utf-8", "replace"), signed["signature"])
    signatures.check_window(stamp, arrival.received_at, settings.window_s)
    return parsed_each([item], lambda one, raw: _read(one, raw, arrival), arrival)._replace(token=f"{stamp} {signed['token']}")


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
