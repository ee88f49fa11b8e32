"""Where a write key may stand: Basic, Bearer, the query, or the body."""

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

NAMES = ("writeKey", "writekey", "write_key")


@lru_cache(maxsize=1_024)
def of_header(authorization: str) -> str | None:
    """The key of an `Authorization` header: Basic, where it is the user's name, or Bearer; None where there is none.

    Examples
    --------
    >>> of_header("Basic a2V5Og=="), of_header("Bearer key"), of_header("Basic !")
    ('key', 'key', None)
    """
    scheme, _, given = authorization.partition(" ")
    given = given.strip()
    match scheme.lower():
        case "bearer":
            return given or None
        case "basic":
            try:
                text = base64.b64decode(given, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError, ValueError):
                return None
            return text.partition(":")[0] or None
    return None


def of_query(query: bytes) -> str | None:
    """`writeKey` of a query."""
    if b"rite" not in query:
        return None
    try:
        given = parse_qs(query.decode("ascii"), max_num_fields=500)
    except ValueError:
        return None
    return next((given[name][0] for name in NAMES if name in given), None)


def of_body(given: Any) -> str | None:
    """`writeKey` of a body."""
    key = given.get("writeKey") if isinstance(given, Mapping) else None
    return key if isinstance(key, str) and key else None
