"""JSONPath, as mappings use it."""

from functools import lru_cache
from typing import Any

import jsonpath

from schemas.errors import ConfigError


def found(path: str, given: Any) -> list[Any]:
    """What a path finds, in order.

    Raises
    ------
    ConfigError
        It is no JSONPath.

    Examples
    --------
    >>> found("$.user.id", {"user": {"id": 7}}), found("$.user.id", {"user": 7})
    ([7], [])
    """
    if not isinstance(given, dict | list):
        return [given] if path == "$" else []
    return list(compiled(path).findall(given))


@lru_cache(maxsize=1_024)
def compiled(path: str) -> Any:
    """The path, ready.

    Raises
    ------
    ConfigError
        It is no JSONPath.
    """
    try:
        return jsonpath.compile(path)
    except jsonpath.JSONPathError as exc:
        raise ConfigError(f"{path!r} is no JSONPath: {exc}") from exc
