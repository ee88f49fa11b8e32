"""HubSpot's API: one request, its token, and what its errors mean."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from connectors.crm.http import call, json_of, retry_after_s
from connectors.crm.tokens import Token, Tokens
from connectors.hubspot.config import HubSpotConfig
from schemas.errors import AuthError, DoubtfulError, PoisonRecordError, QuotaSpentError, RateLimitedError, TenantBlockedError

DAILY_LEFT = "X-HubSpot-RateLimit-Daily-Remaining"
MISSING_PROPERTY = "PROPERTY_DOESNT_EXIST"


class Reply(NamedTuple):
    """A reply that is a success, in whole or in parts (207)."""

    status: int
    body: dict[str, Any]
    daily_left: int | None


class HubSpotClient:
    """One account's API. For one event loop.

    Parameters
    ----------
    config
        The account.
    transport
        For tests; None: the network.
    """

    def __init__(self, config: HubSpotConfig, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._config = config
        self._http = httpx.AsyncClient(base_url=config.base_url, timeout=config.timeout_s, transport=transport)
        self._tokens = Tokens(self._fetch)

    async def ask(self, method: str, path: str, body: Any = None, *, params: Mapping[str, Any] | None = None) -> Reply:
        """Make a request.

        Raises
        ------
        AuthError
            A token that is new is refused, or the token endpoint refuses the credentials.
        TenantBlockedError
            A scope or a property is missing: a person must act.
        RateLimitedError, QuotaSpentError, RetriableError, DoubtfulError
            As in `contract.Sink`.
        PoisonRecordError
            What was sent is wrong as a whole.
        """
        token = await self._tokens.current()
        response = await self._send(method, path, body, token, params)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            renewed = token if self._config.access_token else await self._tokens.current(refused=token.text)
            if renewed.text != token.text:
                response = await self._send(method, path, body, renewed, params)
        return _reply(response, f"{method} {path}")

    async def close(self) -> None:
        """End connections."""
        await self._http.aclose()

    async def _send(self, method: str, path: str, body: Any, token: Token, params: Mapping[str, Any] | None) -> httpx.Response:
        return await call(self._http, method, path, body=body, params=params, headers={"Authorization": f"Bearer {token.text}"})

    async def _fetch(self) -> Token:
        config = self._config
        if config.access_token is not None:
            return Token(config.access_token.get_secret_value())
        assert config.client_secret is not None
        assert config.refresh_token is not None
        form = {
            "grant_type": "refresh_token",
            "client_id": config.client_id,
            "client_secret": config.client_secret.get_secret_value(),
            "refresh_token": config.refresh_token.get_secret_value(),
        }
        response = await call(self._http, "POST", "/oauth/v1/token", data=form)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise RateLimitedError("HubSpot's token endpoint is busy", retry_after_s=retry_after_s(response))
        if response.is_error:
            raise AuthError(f"HubSpot refuses the refresh token (status {response.status_code}): have the app installed again")
        answer = json_of(response)
        return Token(answer["access_token"], lives_s=float(answer["expires_in"]))


def _reply(response: httpx.Response, asked: str) -> Reply:
    left = response.headers.get(DAILY_LEFT, "")
    if response.is_success:
        body = json_of(response) if response.content else {}
        return Reply(response.status_code, body, int(left) if left.isdigit() else None)
    error = _error_body(response)
    category, correlation = str(error.get("category", "")), error.get("correlationId", "")
    said = f"{asked}: status {response.status_code} {category}, correlation id {correlation}"
    match response.status_code:
        case 429:
            spent = QuotaSpentError if error.get("policyName") == "DAILY" else RateLimitedError
            raise spent(f"HubSpot: {error.get('policyName', 'too many requests')}", retry_after_s=retry_after_s(response))
        case 401:
            raise AuthError("HubSpot refuses the token: it was revoked, or belongs to another account; give a new one")
        case 403:
            raise TenantBlockedError(f"HubSpot refuses access: a scope is missing. {said}")
        case 404:
            raise PoisonRecordError(f"HubSpot knows no such thing: {said}", reason="not_found")
        case 409 | 423:
            raise DoubtfulError(f"HubSpot is changing the same records: {said}", retry_after_s=retry_after_s(response))
        case _ if MISSING_PROPERTY in response.text:
            raise TenantBlockedError("a ProX property is missing in HubSpot: run `python -m infra crm set-up` again")
        case _:
            raise PoisonRecordError(f"HubSpot refuses it: {said}", reason=category.lower() or "invalid")


def _error_body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
