"""What the demo asks its API, as anybody would."""

from collections.abc import Iterator
from typing import Any

import httpx

from schemas.errors import RetriableError

PAGE = 500


class Answers:
    """A client of the API with one key.

    Parameters
    ----------
    url
        Where it is.
    key
        Of the tenant.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def get(self, path: str, **params: str | int) -> Any:
        """The answer to one request.

        Raises
        ------
        RetriableError
            The API refused, or is away.
        """
        try:
            answer = httpx.get(f"{self.url}{path}", params=params, headers={"X-Api-Key": self.key}, timeout=30, trust_env=False)
            return answer.raise_for_status().json()
        except httpx.HTTPError as exc:
            raise RetriableError(f"the API did not answer {path}: {exc}") from exc

    def every(self, path: str) -> Iterator[Any]:
        """All items of an answer, page by page."""
        params: dict[str, str | int] = {"limit": PAGE}
        while True:
            page = self.get(path, **params)
            yield from page["items"]
            if page["next"] is None:
                return
            params["cursor"] = page["next"]
