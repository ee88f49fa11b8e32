"""Segment's tracking API, which RudderStack's SDKs speak too: one call, a batch, or the query of a pixel."""

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from models.collecting.arrival import Arrival, Parsed, json_of, parsed_each
from models.collecting.draft import NO_LEAD, Draft, consent_of, event_of
from models.collecting.fields import PERSONAL_PROPERTIES, PERSONAL_TRAITS, Properties, flatten
from models.collecting.instants import instant_of
from models.collecting.names import event_type, id_of
from models.collecting.places import masked, put_query, put_url
from schemas.errors import PoisonRecordError
from schemas.event import ACCOUNT_UPDATED, ALIASED, OBSERVATION, PROFILE_UPDATED, Event
from schemas.ids import Millis

KINDS = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": "batch"}
"""Short forms of the browser's SDK."""

BROWSERS = ("analytics.js", "@segment/analytics-next", "rudderlabs javascript sdk")
PHONES = ("ios", "android", "swift", "kotlin", "flutter", "react-native")
CRM_TRAITS = {"salesforceid": "crm.salesforce", "hubspotid": "crm.hubspot", "salesforce_id": "crm.salesforce", "hubspot_id": "crm.hubspot"}

MOST_EXTERNAL_IDS = 20

Item = dict[str, Any]
EMPTY: Item = {}


def parse_batch(given: Any, arrival: Arrival) -> Parsed:
    """A batch, decoded: `{"batch": [...]}` with its context, or a list as it is.

    Raises
    ------
    PoisonRecordError
        It holds no events, or too many.
    """
    items = items_of(given)
    shared: Item = given if isinstance(given, dict) else EMPTY
    context, sent_at = _object(shared, "context"), instant_of(shared.get("sentAt"))
    return parsed_each(items, lambda item, raw: _read(item, raw, None, context, sent_at, arrival), arrival)


def items_of(given: Any) -> list[Any]:
    """The items of a batch, decoded.

    Raises
    ------
    PoisonRecordError
        There are none (reason `no_events`).
    """
    items = given.get("batch") if isinstance(given, dict) else given
    if not isinstance(items, list) or not items:
        raise PoisonRecordError('no events: a batch is {"batch": [...]} with at least one event', reason="no_events")
    return items


def parse_call(item: Any, kind: str, arrival: Arrival) -> Parsed:
    """One call of a kind, decoded, as in `/v1/track`.

    Raises
    ------
    PoisonRecordError
        It is no object, names nobody or is too large: whoever sends a single event is told.
    """
    if not isinstance(item, dict):
        raise PoisonRecordError("the body must be a JSON object", reason="not_json")
    found = parsed_each([item], lambda one, raw: _read(one, raw, kind, EMPTY, None, arrival), arrival)
    for bad in found.bad:
        if bad.reason in (NO_LEAD, "too_large"):
            raise PoisonRecordError(bad.message, reason=bad.reason)
    return found


def parse_pixel(query: bytes, kind: str, arrival: Arrival) -> Parsed:
    """A call in a query: Segment's `data` (JSON in base64), or RudderStack's names, as in `properties.path=/`.

    Raises
    ------
    PoisonRecordError
        It cannot be read, or is no event.
    """
    try:
        given = dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=False, max_num_fields=500, errors="strict"))
    except ValueError as exc:
        raise PoisonRecordError("the query cannot be read", reason="not_json") from exc
    if "data" in given:
        return parse_call(json_of(decoded(given["data"])), kind, arrival)
    item: Item = {}
    for name, value in given.items():
        *path, last = name.split(".")
        holder = item
        for step in path[:5]:
            inner = holder.setdefault(step, {})
            holder = inner if isinstance(inner, dict) else holder
        holder[last] = value
    for secret in ("writeKey", "write_key"):
        item.pop(secret, None)
    return parse_call(item, kind, arrival)


def decoded(text: str) -> bytes:
    """Base64 of either alphabet, padded or not.

    Raises
    ------
    PoisonRecordError
        It is none.
    """
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/").replace(" ", "+") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise PoisonRecordError("not in base64", reason="not_json") from exc


class _Said(NamedTuple):
    """What a call says by its kind."""

    type: str
    channel: str
    previous_id: str | None = None


def _read(item: Any, raw: str, kind: str | None, shared: Mapping[str, Any], sent_at: Millis | None, arrival: Arrival) -> Event:
    if type(item) is not dict:
        raise PoisonRecordError("an event must be a JSON object")
    kind = kind or item.get("type")
    context = _object(item, "context")
    if shared:
        context = {**shared, **context}
    known = _object(context, "traits")
    account_id = id_of(item.get("groupId") or context.get("groupId"), "groupId")
    if kind == "group" and account_id is None:
        raise PoisonRecordError("a group call needs groupId")
    properties: Properties = {}
    person: dict[str, str] = {}
    said = _said(kind, item, known, properties, person, _channel(item, context))
    if known and kind != "group":
        flatten({name: value for name, value in known.items() if name in ("email", "phone")}, {}, person, PERSONAL_TRAITS)
    is_direct = said.channel in ("web", "mobile") or context.get("direct") is True
    ip = context.get("ip") or (arrival.ip if is_direct else None)
    if type(ip) is str:
        person["ip"] = ip
    consent = context.get("consent")
    draft = Draft(
        id_of(item.get("messageId"), "messageId"),
        said.type,
        said.channel,
        id_of(item.get("userId"), "userId"),
        id_of(item.get("anonymousId"), "anonymousId"),
        instant_of(item.get("originalTimestamp") or item.get("timestamp")),
        instant_of(item.get("sentAt")) or sent_at,
        properties,
        _context_of(context, arrival.user_agent if is_direct else None),
        person,
        raw,
        said.previous_id,
        account_id,
        _identifiers(context, known, _object(item, "traits")),
        consent_of(consent),
        type(consent) is dict and consent.get("gpc") is True,
    )
    return event_of(draft, arrival)


def _said(kind: Any, item: Item, known: Item, properties: Properties, person: dict[str, str], channel: str) -> _Said:
    match kind:
        case "track":
            flatten(_object(item, "properties"), properties, person, PERSONAL_PROPERTIES)
            return _Said(event_type(item.get("event")), channel)
        case "page" | "screen":
            flatten(_object(item, "properties"), properties, person, PERSONAL_PROPERTIES)
            _put_page(properties)
            for part in ("name", "category"):
                if isinstance(item.get(part), str):
                    properties.setdefault(part, masked(item[part]))
            seen_on = "web" if kind == "page" else "mobile"
            return _Said(f"{kind}_viewed", seen_on if channel == "server" else channel)
        case "identify":
            flatten({**known, **_object(item, "traits")}, properties, person, PERSONAL_TRAITS)
            return _Said(PROFILE_UPDATED, "profile")
        case "group":
            # an account's address is nobody's own: it stays in the sender's original
            flatten(_object(item, "traits"), properties, {}, PERSONAL_PROPERTIES)
            return _Said(ACCOUNT_UPDATED, OBSERVATION)
        case "alias":
            previous_id = id_of(item.get("previousId"), "previousId")
            if previous_id is None:
                raise PoisonRecordError("an alias call needs previousId")
            return _Said(ALIASED, OBSERVATION, previous_id)
    raise PoisonRecordError(f"type must be one of {', '.join(one for one in KINDS.values() if one != 'batch')}")


def _object(item: Mapping[str, Any], name: str) -> Item:
    value = item.get(name)
    if value is None:
        return EMPTY
    if type(value) is not dict:
        raise PoisonRecordError(f"{name} must be a JSON object")
    return value


def _channel(item: Item, context: Item) -> str:
    given = item.get("channel") or context.get("channel")
    if type(given) is str and 0 < len(given) <= 40:
        return "web" if given == "browser" else event_type(given)
    library = context.get("library")
    name = library.get("name") if type(library) is dict else None
    return _channel_of(name) if type(name) is str else "server"


@lru_cache(maxsize=1_024)
def _channel_of(library: str) -> str:
    name = library.lower()
    if name.startswith(BROWSERS):
        return "web"
    return "mobile" if name.startswith(("analytics-", "rudder-")) and name.endswith(PHONES) else "server"


def _put_page(properties: Properties) -> None:
    """What a page call says of its page, without what addresses tell of people."""
    found: dict[str, str] = {}
    for part in ("url", "referrer"):
        if isinstance(properties.get(part), str):
            put_url(str(properties.pop(part)), part, found)
    if isinstance(properties.get("search"), str):
        put_query(str(properties.pop("search")).removeprefix("?"), found)
    properties.update(found)


def _context_of(context: Item, user_agent: str | None) -> dict[str, str]:
    # most events of a sender have the same context: it is read once
    return _read_context(orjson.dumps({name: value for name, value in context.items() if name in READ}), user_agent)


@lru_cache(maxsize=2_048)
def _read_context(raw: bytes, user_agent: str | None) -> dict[str, str]:
    """What is kept of a context; shared between events, so nobody may change it."""
    context: Item = orjson.loads(raw)
    found: dict[str, str] = {"protocol": "segment"}
    for name, known in TEXTS.items():
        if type(context.get(name)) is str and context[name]:
            found[known] = masked(context[name])
    for name, parts in PARTS.items():
        value = context.get(name)
        if type(value) is dict:
            for part, known in parts.items():
                if type(value.get(part)) is str and value[part]:
                    found[known] = masked(value[part])
    page = context.get("page")
    if type(page) is dict:
        for part in ("url", "referrer"):
            if type(page.get(part)) is str and page[part]:
                put_url(page[part], f"page.{part}", found)
        if type(page.get("search")) is str:
            put_query(page["search"].removeprefix("?"), found)
    if user_agent and "user_agent" not in found:
        found["user_agent"] = masked(user_agent)
    return found


TEXTS = {"userAgent": "user_agent", "locale": "locale", "timezone": "timezone"}
PARTS = {
    "page": {"path": "page.path", "title": "page.title"},
    "campaign": {part: f"campaign.{part}" for part in ("source", "medium", "name", "term", "content")},
    "library": {"name": "library.name", "version": "library.version"},
    "os": {"name": "os.name", "version": "os.version"},
    "device": {"type": "device.type", "manufacturer": "device.manufacturer", "model": "device.model"},
    "app": {"name": "app.name", "version": "app.version"},
    "referrer": {"type": "referrer.type", "name": "referrer.name"},
    "location": {"country": "geo.country", "region": "geo.region", "city": "geo.city"},
}
"""Objects of a context → their parts that are kept → names."""
READ = frozenset((*TEXTS, *PARTS))


def _identifiers(context: Item, known: Item, traits: Item) -> dict[str, str]:
    found: dict[str, str] = {}
    external = context.get("externalIds") or context.get("externalId")
    if type(external) is list:
        for one in external[:MOST_EXTERNAL_IDS]:
            if type(one) is dict and type(one.get("type")) is str and type(one.get("id")) is str:
                kind = event_type(one["type"])
                _put_id(found, CRM_TRAITS.get(f"{kind}id", f"external.{kind}"), one["id"])
    for source in (known, traits):
        for trait, value in source.items():
            crm = CRM_TRAITS.get(trait.lower())
            if crm:
                _put_id(found, crm, value)
    return found


def _put_id(found: dict[str, str], kind: str, value: Any) -> None:
    name = id_of(value, kind)
    if name and "@" not in name:  # an address is no id: it stays in the sender's original
        found[kind] = name
