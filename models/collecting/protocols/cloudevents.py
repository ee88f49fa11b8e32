"""CloudEvents 1.0 over HTTP: binary, structured and batched."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from models.collecting.arrival import Arrival, BadEvent, Parsed, json_of, parsed_each
from models.collecting.draft import Draft, event_of
from models.collecting.fields import PERSONAL_PROPERTIES, Properties, flatten
from models.collecting.instants import instant_of
from models.collecting.names import event_type, id_of
from schemas.errors import PoisonRecordError
from schemas.event import Event

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
REQUIRED = ("id", "source", "type", "specversion")
USER = ("userId", "user_id", "userid")
ANONYMOUS = ("anonymousId", "anonymous_id", "anonymousid")


def parse(body: bytes, headers: Mapping[str, str], arrival: Arrival) -> Parsed:
    """A request in any of the three modes; which one, its media type says.

    Parameters
    ----------
    body
        As sent.
    headers
        Names in small letters.
    arrival
        Whose it is.

    Raises
    ------
    PoisonRecordError
        It is in none of the modes, or no event; in a batch, bad events are told apart instead.
    """
    media_type = media_type_of(headers)
    if media_type == BATCHED:
        return parse_batch(json_of(body), arrival)
    item = json_of(body) if media_type == STRUCTURED else _binary(body, headers)
    found = parsed_each([item], lambda one, raw: _read(one, raw, arrival), arrival)
    _tell(found.bad)
    return found


def parse_batch(given: Any, arrival: Arrival) -> Parsed:
    """A batch, decoded; it may be empty.

    Raises
    ------
    PoisonRecordError
        It is no list, or holds too many.
    """
    return parsed_each(items_of(given), lambda item, raw: _read(item, raw, arrival), arrival)


def items_of(given: Any) -> list[Any]:
    """The items of a batch, decoded.

    Raises
    ------
    PoisonRecordError
        It is no list (reason `not_json`).
    """
    if not isinstance(given, list):
        raise PoisonRecordError("a batch of CloudEvents must be a JSON list", reason="not_json")
    return given


def media_type_of(headers: Mapping[str, str]) -> str:
    """What a request says it is, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _tell(bad: list[BadEvent]) -> None:
    for one in bad:
        raise PoisonRecordError(one.message, reason=one.reason)


def _binary(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    item: dict[str, Any] = {name[3:]: _unquoted(value) for name, value in headers.items() if name.startswith("ce-")}
    if "specversion" not in item:
        raise PoisonRecordError("no CloudEvent: neither ce- headers nor a media type of CloudEvents", reason="not_cloudevent")
    if body:
        try:
            item["data"] = json_of(body)
        except PoisonRecordError:
            item["data_base64"] = base64.b64encode(body).decode()
    return item


def _unquoted(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as exc:
        raise PoisonRecordError("a ce- header is not percent-encoded UTF-8", reason="not_cloudevent") from exc


def _read(item: Any, raw: str, arrival: Arrival) -> Event:
    if type(item) is not dict:
        raise PoisonRecordError("a CloudEvent must be a JSON object", reason="not_cloudevent")
    missing = [name for name in REQUIRED if not (isinstance(item.get(name), str) and item[name].strip())]
    if missing:
        raise PoisonRecordError(f"{', '.join(missing)} must be a text", reason="not_cloudevent")
    if item["specversion"] != "1.0":
        raise PoisonRecordError("specversion must be 1.0", reason="not_cloudevent")
    occurred_at = instant_of(item.get("time"))
    if item.get("time") is not None and occurred_at is None:
        raise PoisonRecordError("time must be an RFC 3339 timestamp", reason="not_cloudevent")
    data = item.get("data")
    if data is None and isinstance(item.get("data_base64"), str):
        data = _embedded(item["data_base64"])
    properties: Properties = {}
    person: dict[str, str] = {}
    if isinstance(data, dict):
        flatten({name: value for name, value in data.items() if name not in (*USER, *ANONYMOUS)}, properties, person, PERSONAL_PROPERTIES)
    elif isinstance(data, int | float):
        properties["data"] = float(data)
    known = data if isinstance(data, dict) else {}
    subject = id_of(item.get("subject"), "subject")
    user_id = next((id_of(known[name], name) for name in USER if known.get(name) is not None), None) or subject
    anonymous_id = next((id_of(known[name], name) for name in ANONYMOUS if known.get(name) is not None), None)
    draft = Draft(
        # unique by both together; neither holds a zero byte, and a space is in no URI
        id_of(f"{item['source']} {item['id']}", "source and id"),
        event_type(item["type"]),
        "server",
        user_id,
        anonymous_id,
        occurred_at,
        None,
        properties,
        {"protocol": "cloudevents"},
        person,
        raw,
        lead=id_of(item.get("partitionkey"), "partitionkey"),
    )
    return event_of(draft, arrival)


def _embedded(text: str) -> Any:
    try:
        return orjson.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None  # bytes of another kind: they stay in the sender's original
