"""ProX's own JSON: the fields of an event by their own names, and nothing else."""

from typing import Any

from models.collecting.arrival import Arrival, Parsed, parsed_each
from models.collecting.draft import Draft, event_of
from models.collecting.fields import PERSONAL_PROPERTIES, PERSONAL_TRAITS, Properties, flatten
from models.collecting.instants import instant_of
from models.collecting.names import event_type, id_of
from models.collecting.places import masked, put_url
from schemas.errors import PoisonRecordError
from schemas.event import OBSERVATION, PROFILE_UPDATED, Event
from schemas.ids import Millis

PERSON = ("email", "phone", "name", "ip")
IDS = ("id", "user_id", "anonymous_id", "previous_id", "account_id")
OBJECTS = ("properties", "context", "consent", "identifiers", "person")
FIELDS = frozenset((*IDS, *OBJECTS, "type", "channel", "occurred_at", "sent_at", "gpc"))
HASHED = frozenset({"email", "phone"})


def parse(given: Any, arrival: Arrival) -> Parsed:
    """One event, a list of them, or `{"events": [...]}`, decoded.

    Raises
    ------
    PoisonRecordError
        It holds no events, or too many; or it is a single event, and none.
    """
    found = parsed_each(items_of(given), lambda item, raw: read(item, raw, arrival), arrival)
    if found.bad and isinstance(given, dict) and "events" not in given:
        raise PoisonRecordError(found.bad[0].message, reason=found.bad[0].reason)
    return found


def items_of(given: Any) -> list[Any]:
    """The items of a request, decoded; a single event is one.

    Raises
    ------
    PoisonRecordError
        There are none (reason `no_events`).
    """
    if isinstance(given, dict):
        if "events" not in given:
            return [given]
        given = given["events"]
    if not isinstance(given, list) or not given:
        raise PoisonRecordError('no events: send one, a list of them, or {"events": [...]}', reason="no_events")
    return given


def read(item: Any, raw: str, arrival: Arrival, *, protocol: str = "prox") -> Event:
    """An event by ProX's own names.

    Raises
    ------
    PoisonRecordError
        Naming every field that is unknown or of a wrong type.
    """
    if type(item) is not dict:
        raise PoisonRecordError("an event must be a JSON object")
    problems = [f"{masked(name)[:40]!r} is no field of an event" for name in item if name not in FIELDS]
    problems += [f"{name} must be a JSON object" for name in OBJECTS if not isinstance(item.get(name, {}), dict)]
    for name in ("context", "identifiers", "person"):
        of_texts = item.get(name)
        if isinstance(of_texts, dict):
            problems += [f"{name} must hold texts only"] * any(type(value) is not str for value in of_texts.values())
    person = item.get("person")
    if isinstance(person, dict):
        problems += [f"person has {', '.join(PERSON)} only"] * any(name not in PERSON for name in person)
    if isinstance(item.get("identifiers"), dict):
        problems += ["an address belongs in person: identifiers hold none"] * any(
            kind in HASHED or "@" in kind or "@" in str(value) for kind, value in item["identifiers"].items()
        )
    consent = item.get("consent")
    if isinstance(consent, dict):
        problems += ["consent must hold true or false only"] * any(type(value) is not bool for value in consent.values())
    occurred_at, sent_at = _stamp(item, "occurred_at", problems), _stamp(item, "sent_at", problems)
    if not isinstance(item.get("gpc", False), bool):
        problems.append("gpc must be true or false")
    if problems:
        raise PoisonRecordError("; ".join(problems))
    ids = {name: id_of(item.get(name), name) for name in IDS}
    type_ = event_type(item.get("type"))
    channel = item.get("channel", "profile" if type_ == PROFILE_UPDATED else OBSERVATION if type_ in ("aliased", "account_updated") else "server")
    properties: Properties = {}
    found = {name: text for name, text in (person or {}).items() if text.strip()}
    flatten(item.get("properties", {}), properties, found, PERSONAL_TRAITS if type_ == PROFILE_UPDATED else PERSONAL_PROPERTIES)
    context = {"protocol": protocol}
    for name, value in item.get("context", {}).items():
        if name in ("page.url", "page.referrer"):
            put_url(value, name, context)
        else:
            context[masked(name)] = masked(value)
    draft = Draft(
        ids["id"],
        type_,
        event_type(channel),
        ids["user_id"],
        ids["anonymous_id"],
        occurred_at,
        sent_at,
        properties,
        context,
        found,
        raw,
        ids["previous_id"],
        ids["account_id"],
        dict(item.get("identifiers", {})),
        {masked(category): allowed for category, allowed in consent.items()} if consent is not None else None,
        item.get("gpc", False),
    )
    return event_of(draft, arrival)


def _stamp(item: dict[str, Any], name: str, problems: list[str]) -> Millis | None:
    if item.get(name) is None:
        return None
    at = instant_of(item[name])
    if at is None:
        problems.append(f"{name} must be ISO 8601, or milliseconds since 1970")
    return at
