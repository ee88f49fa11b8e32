"""Snowplow's tracker protocol: `tp2` bodies and the `/i` pixel. Every value is a text."""

from typing import Any
from urllib.parse import parse_qsl

import orjson

from models.collecting.arrival import Arrival, Parsed, json_of, parsed_each
from models.collecting.draft import Draft, event_of
from models.collecting.fields import PERSONAL_PROPERTIES, PERSONAL_TRAITS, Properties, flatten
from models.collecting.instants import instant_of
from models.collecting.names import event_type, id_of
from models.collecting.places import masked, put_url
from models.collecting.protocols.segment import decoded
from schemas.errors import PoisonRecordError
from schemas.event import Event

KINDS = {"pv": "page_viewed", "pp": "page_pinged", "tr": "transaction", "ti": "transaction_item"}
CHANNELS = {"web": "web", "mob": "mobile", "pc": "desktop", "srv": "server", "app": "server", "tv": "tv", "cnsl": "console", "iot": "iot"}
CONTEXT = {
    "ua": "user_agent",
    "lang": "locale",
    "tz": "timezone",
    "page": "page.title",
    "aid": "app.name",
    "tv": "library.version",
    "tna": "library.name",
}
PROPERTIES = {
    "se_ca": "category",
    "se_la": "label",
    "se_pr": "property",
    "tr_id": "order_id",
    "tr_af": "affiliation",
    "tr_cu": "currency",
    "ti_id": "order_id",
    "ti_sk": "sku",
    "ti_nm": "name",
    "ti_ca": "category",
    "ti_cu": "currency",
}
NUMBERS = {
    "se_va": "value",
    "tr_tt": "total",
    "tr_tx": "tax",
    "tr_sh": "shipping",
    "ti_pr": "price",
    "ti_qu": "quantity",
    "pp_mix": "scroll_x_min",
    "pp_max": "scroll_x_max",
    "pp_miy": "scroll_y_min",
    "pp_may": "scroll_y_max",
}
LONGEST_QUERY_FIELDS = 500


def parse_payload(given: Any, arrival: Arrival, *, is_anonymous: bool) -> Parsed:
    """A `payload_data` body, decoded: `{"schema": ..., "data": [...]}`.

    Parameters
    ----------
    given
        What the JSON said.
    arrival
        Of the key that the host or the application id stands for.
    is_anonymous
        `SP-Anonymous` was sent: neither IP nor network id is kept.

    Raises
    ------
    PoisonRecordError
        It holds no events, or too many.
    """
    return parsed_each(items_of(given), lambda item, raw: _read(item, raw, arrival, is_anonymous=is_anonymous), arrival)


def items_of(given: Any) -> list[Any]:
    """The items of a payload, decoded.

    Raises
    ------
    PoisonRecordError
        There are none (reason `no_events`).
    """
    items = given.get("data") if isinstance(given, dict) else None
    if not isinstance(items, list) or not items:
        raise PoisonRecordError('no events: a payload is {"schema": ..., "data": [...]} with at least one event', reason="no_events")
    return items


def parse_pixel(query: bytes, arrival: Arrival, *, is_anonymous: bool) -> Parsed:
    """An event in the query of `GET /i`.

    Raises
    ------
    PoisonRecordError
        The query cannot be read, or is empty.
    """
    try:
        item = dict(parse_qsl(query.decode("ascii"), max_num_fields=LONGEST_QUERY_FIELDS, errors="strict"))
    except ValueError as exc:
        raise PoisonRecordError("the query cannot be read", reason="not_json") from exc
    if not item:
        raise PoisonRecordError("no event: the query is empty", reason="no_events")
    return parsed_each([item], lambda one, raw: _read(one, raw, arrival, is_anonymous=is_anonymous), arrival)


def app_id(given: Any, query: bytes) -> str | None:
    """The application id (`aid`) of a request's first event: what names the sender where the host does not."""
    if given is None:
        first: Any = dict(parse_qsl(query.decode("latin-1"))) if query.count(b"&") < LONGEST_QUERY_FIELDS else None
    else:
        items = given.get("data") if isinstance(given, dict) else None
        first = items[0] if isinstance(items, list) and items else None
    found = first.get("aid") if isinstance(first, dict) else None
    return found if isinstance(found, str) else None


def _read(item: Any, raw: str, arrival: Arrival, *, is_anonymous: bool) -> Event:
    if type(item) is not dict:
        raise PoisonRecordError("an event must be a JSON object")
    fields = {name: value if type(value) is str else orjson.dumps(value).decode() for name, value in item.items() if value is not None}
    properties: Properties = {}
    person: dict[str, str] = {}
    flatten({PROPERTIES[name]: value for name, value in fields.items() if name in PROPERTIES}, properties, person, {})
    for name in NUMBERS.keys() & fields.keys():
        properties[NUMBERS[name]] = _number(fields[name], name)
    type_ = _type(fields, properties, person)
    for entity in _entities(fields):
        flatten({f"{_schema_name(entity)}.{name}": value for name, value in entity["data"].items()}, properties, person, PERSONAL_PROPERTIES)
    channel = CHANNELS.get(fields.get("p", "web"), "server")
    identifiers = {}
    if not is_anonymous:
        network = id_of(fields.get("nuid") or fields.get("tnuid"), "nuid")
        if network and "@" not in network:
            identifiers["network_id"] = network
        ip = fields.get("ip") or (arrival.ip if channel in ("web", "mobile", "desktop", "tv") else None)
        if ip:
            person["ip"] = ip
    context = {"protocol": "snowplow"} | {CONTEXT[name]: masked(value) for name, value in fields.items() if name in CONTEXT and value}
    for name, kept in (("url", "page.url"), ("refr", "page.referrer")):
        if fields.get(name):
            put_url(fields[name], kept, context)
    if arrival.user_agent and channel == "web":
        context.setdefault("user_agent", masked(arrival.user_agent))
    draft = Draft(
        id_of(fields.get("eid"), "eid"),
        type_,
        channel,
        id_of(fields.get("uid"), "uid"),
        id_of(fields.get("duid") or fields.get("sid") if not is_anonymous else fields.get("duid"), "duid"),
        instant_of(fields.get("ttm")) or instant_of(fields.get("dtm")),
        # a true timestamp is on a clock that was set: it needs no correction
        None if fields.get("ttm") else instant_of(fields.get("stm")),
        properties,
        context,
        person,
        raw,
        identifiers=identifiers,
        lead=identifiers.get("network_id") if not (fields.get("uid") or fields.get("duid") or fields.get("sid")) else None,
    )
    return event_of(draft, arrival)


def _type(fields: dict[str, str], properties: Properties, person: dict[str, str]) -> str:
    kind = fields.get("e")
    if kind in KINDS:
        return KINDS[kind]
    if kind == "se":
        return event_type(fields.get("se_ac"))
    if kind != "ue":
        raise PoisonRecordError("e must be one of pv, pp, se, ue, tr, ti")
    outer = _json(fields, "ue_pr", "ue_px")
    described: Any = outer.get("data") if isinstance(outer, dict) else None
    if not _is_described(described):
        raise PoisonRecordError("a self-describing event needs schema and data")
    flatten(described["data"], properties, person, PERSONAL_TRAITS if _schema_name(described) == "identify" else PERSONAL_PROPERTIES)
    return event_type(_schema_name(described))


def _entities(fields: dict[str, str]) -> list[Any]:
    if "co" not in fields and "cx" not in fields:
        return []
    given = _json(fields, "co", "cx")
    entities = given.get("data") if isinstance(given, dict) else None
    if not isinstance(entities, list):
        raise PoisonRecordError("contexts must be a list in data")
    return [entity for entity in entities if _is_described(entity)]


def _is_described(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("schema"), str) and isinstance(value.get("data"), dict)


def _schema_name(described: Any) -> str:
    """`add_to_cart` of `iglu:com.acme/add_to_cart/jsonschema/1-0-0`."""
    parts = described["schema"].removeprefix("iglu:").split("/")
    return str(parts[1] if len(parts) > 1 else parts[0])


def _json(fields: dict[str, str], plain: str, encoded: str) -> Any:
    try:
        return json_of(fields[plain].encode()) if plain in fields else json_of(decoded(fields.get(encoded, "")))
    except (PoisonRecordError, UnicodeEncodeError) as exc:
        raise PoisonRecordError(f"{plain if plain in fields else encoded} is no JSON") from exc


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError as exc:
        raise PoisonRecordError(f"{name} is no number") from exc
    if number - number != 0.0:  # not finite
        raise PoisonRecordError(f"{name} is no number")
    return number
