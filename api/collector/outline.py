"""How many events a body holds, told without decoding them: a request that is published whole needs no more."""

from typing import Any, NamedTuple

import simdjson

SMALL = 8_192
"""Bytes up to which a body is decoded at once: it holds few events, or little is saved."""
LONGEST = 1_048_576
"""Bytes; longer ones are decoded. The parser keeps its memory from one body to the next, some fourteen times the longest."""

_parser = simdjson.Parser(LONGEST)


class Outline(NamedTuple):
    """The number of events, and the first of them."""

    events: int
    first: Any


def outline_of(body: bytes, name: str) -> Outline | None:
    """The outline of an object that holds events in a list of this name; None: decode it, to take it or to say what is wrong.

    Whatever has an outline is JSON: all of it is checked, and more is refused than by decoding (whole numbers beyond 64 bits).

    Examples
    --------
    >>> outline_of(b'{"batch": [{"userId": "ada"}, {}]}', "batch")
    Outline(events=2, first={'userId': 'ada'})
    """
    try:
        given = _parser.parse(body)
    except (ValueError, RuntimeError):
        return None
    if not isinstance(given, simdjson.Object) or list(given.keys()).count(name) != 1:  # of two lists, decoding takes the last
        return None
    items = given[name]
    if not isinstance(items, simdjson.Array) or not len(items):
        return None
    first: Any = items[0]
    # nothing of the parser's may leave: it reads no other body while somebody holds a part of one
    return Outline(len(items), first.as_dict() if isinstance(first, simdjson.Object) else None)
