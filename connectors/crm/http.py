"""One request to a CRM, with what can go wrong told in our own errors."""

from typing import Any

import httpx
import orjson

from schemas.errors import DoubtfulError, RetriableError

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
SERVER_TROUBLE = 500


async def call(client: httpx.AsyncClient, method: str, url: str, *, body: Any = None, told: str = "", **content: Any) -> httpx.Response:
    """The answer, whatever its status below 500.

    Parameters
    ----------
    body
        Sent as JSON; None: whatever `content` says.
    told
        What errors call the address, where it is a secret itself; empty: method and address.

    Raises
    ------
    RetriableError
        Nothing was sent.
    DoubtfulError
        It was sent, and there is no answer, or one that says that the server is in trouble.
    """
    asked = told or f"{method} {url}"
    if body is not None:
        # a hundred records are a tenth of a millisecond so, and four with the standard library
        content["content"] = orjson.dumps(body)
        content["headers"] = {"Content-Type": "application/json", **content.get("headers", {})}
    try:
        response = await client.request(method, url, **content)
    except NOT_SENT as exc:
        raise RetriableError(f"{asked}: {type(exc).__name__}") from exc
    except httpx.HTTPError as exc:
        raise DoubtfulError(f"{asked}: {type(exc).__name__}") from exc
    if response.status_code >= SERVER_TROUBLE:
        raise DoubtfulError(f"{asked}: status {response.status_code}", retry_after_s=retry_after_s(response))
    return response


def retry_after_s(response: httpx.Response) -> float | None:
    """Seconds of `Retry-After`; None if it is absent or no number."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.replace(".", "", 1).isdigit() else None


def json_of(response: httpx.Response) -> Any:
    """The answer's JSON. Raises DoubtfulError if it is none: a proxy's page says nothing of what was done."""
    try:
        return orjson.loads(response.content)
    except ValueError as exc:
        raise DoubtfulError(f"status {response.status_code} with a body that is no JSON") from exc
