"""Any webhook, read by a mapping: JSONPath → fields of ProX's own JSON."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from models.collecting.arrival import Arrival, Parsed, parsed_each
from models.collecting.paths import found
from models.collecting.protocols import own
from schemas.errors import PoisonRecordError
from schemas.event import Event

CONSTANT = "="


def parse(given: Any, each: str, fields: Mapping[str, str], arrival: Arrival) -> Parsed:
    """A webhook's request, decoded.

    Parameters
    ----------
    given
        What the JSON said.
    each
        JSONPath of the events in it.
    fields
        See `mapped`.
    arrival
        Whose it is.

    Raises
    ------
    PoisonRecordError
        It holds no events, or too many.
    """
    items = found(each, given)
    if len(items) == 1 and isinstance(items[0], list):
        items = items[0]
    if not items:
        raise PoisonRecordError(f"no events at {each}", reason="no_events")
    return parsed_each(items, lambda item, raw: _read(item, raw, fields, arrival), arrival)


def mapped(item: Any, fields: Mapping[str, str], raw: str) -> dict[str, Any]:
    """An event in ProX's own JSON.

    Parameters
    ----------
    item
        What the sender wrote.
    fields
        Field, as in `user_id`, `properties.score` or `person.email` → JSONPath in the item, or a text after `=`. What the path does not
        find is left out; of several finds the first counts.
    raw
        The item's text: its hash is the event's id where no path gives one, so that a repeat is told.
    """
    made: dict[str, Any] = {}
    for field, path in fields.items():
        finds = [path[len(CONSTANT) :]] if path.startswith(CONSTANT) else found(path, item)
        if not finds or finds[0] is None:
            continue
        holder = made
        outer, _, inner = field.partition(".")
        if inner:
            holder = made.setdefault(outer, {})
        value = finds[0]
        texts = outer in ("context", "identifiers", "person")
        holder[inner or outer] = str(value) if texts and isinstance(value, int | float) and not isinstance(value, bool) else value
    made.setdefault("id", blake2b(raw.encode(), digest_size=16).hexdigest())
    return made


def _read(item: Any, raw: str, fields: Mapping[str, str], arrival: Arrival) -> Event:
    if not isinstance(item, dict):
        raise PoisonRecordError("an event must be a JSON object")
    made = mapped(item, fields, raw)
    return own.read(made, raw, arrival, protocol="webhook")
