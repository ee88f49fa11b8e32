"""A sender's nested fields as flat properties; what names a person is parted from them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from schemas.pseudonym import EMAIL

DEEPEST = 5
"""Levels that become `a.b.c`; what is deeper stays JSON text."""

PERSONAL_PROPERTIES = {
    "email": "email",
    "emailaddress": "email",
    "phone": "phone",
    "phonenumber": "phone",
    "mobile": "phone",
    "mobilephone": "phone",
    "firstname": "first",
    "lastname": "last",
    "fullname": "name",
    "username": "",
    "address": "",
    "street": "",
    "birthday": "",
    "ip": "ip",
    "message": "",
    "comment": "",
    "text": "",
}
"""Names of properties, in small letters without `_`, `-` and spaces → part of the person; an empty one is kept in the sender's original only."""
PERSONAL_TRAITS = PERSONAL_PROPERTIES | {"name": "name", "avatar": "", "description": ""}
"""Of traits, where `name` is the person's."""

_DROPPED = str.maketrans("", "", "_- ")

Properties = dict[str, str | float]


def flatten(values: Mapping[Any, Any], into: Properties, person: dict[str, str], personal: Mapping[str, str]) -> None:
    """Put fields into properties, and what names a person into `person`.

    Numbers stay numbers, true and false are 1 and 0, lists are JSON text; null is nothing. A text with an e-mail address in it, whatever its
    name, is left out: it stays in the sender's original.
    """
    for name, value in values.items():
        part = personal.get(_plain(name))
        if "@" in name:
            continue  # a name that may be an address: it stays in the sender's original
        if part is None:
            _put(name, value, into, DEEPEST)
        elif part and part not in person and isinstance(value, str | int) and not isinstance(value, bool):
            text = str(value).strip()
            if text:
                person[part] = text


@lru_cache(maxsize=8_192)
def _plain(name: str) -> str:
    return name.translate(_DROPPED).lower()


def _put(name: str, value: Any, into: Properties, levels: int) -> None:
    kind = type(value)
    if kind is str:
        if "@" not in value or EMAIL.search(value) is None:
            into[name] = value
    elif kind is float:
        into[name] = value
    elif kind is int or kind is bool:
        into[name] = float(value)
    elif kind is dict and levels:
        for inner, one in value.items():
            if _plain(inner) not in PERSONAL_PROPERTIES and "@" not in inner:
                _put(f"{name}.{inner}", one, into, levels - 1)
    elif value is not None:
        _put(name, orjson.dumps(value).decode(), into, 0)


def person_name(person: Mapping[str, str]) -> str | None:
    """The name as one text: whole where it was sent so, else first and last."""
    return person.get("name") or " ".join(filter(None, (person.get("first"), person.get("last")))) or None
