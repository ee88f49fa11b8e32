"""One HTTP request, as far as routes look at it."""

from collections.abc import Mapping
from typing import Any

Scope = Mapping[str, Any]


class Request:
    """A view of an ASGI scope.

    Parameters
    ----------
    scope
        Of type `http`.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self._headers: dict[bytes, bytes] = dict(scope["headers"])

    def header(self, name: bytes) -> str:
        """A header's value, empty where it was not sent; names in small letters."""
        value = self._headers.get(name)
        return value.decode("latin-1") if value is not None else ""

    @property
    def headers(self) -> dict[str, str]:
        """All headers."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers.items()}

    @property
    def host(self) -> str:
        """The host that was asked, without its port."""
        host = self.header(b"host")
        return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host

    @property
    def address(self) -> str | None:
        """Where it came from."""
        client = self.scope.get("client")
        return client[0] if client else None

    @property
    def is_anonymous(self) -> bool:
        """Snowplow's `SP-Anonymous`: neither IP nor network id is kept."""
        return b"sp-anonymous" in self._headers
