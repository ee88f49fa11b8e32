"""Salesforce's REST API: one request, its token, and what its errors mean."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import jwt

from connectors.crm.http import call, json_of, retry_after_s
from connectors.crm.tokens import Token, Tokens
from connectors.salesforce.config import SalesforceConfig
from schemas.errors import AuthError, PoisonRecordError, ProxError, QuotaSpentError, RetriableError, TenantBlockedError

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_S = 180
USAGE = re.compile(r"api-usage=(\d+)/(\d+)")


class Reply(NamedTuple):
    """A success; `body` is None where there is none."""

    status: int
    body: Any
    daily_left: int | None
    text: str = ""
    headers: httpx.Headers | None = None


class SalesforceClient:
    """One org's API. For one event loop.

    Parameters
    ----------
    config
        The org.
    clock
        Seconds since 1970, for the assertion's end.
    """

    def __init__(self, config: SalesforceConfig, *, clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock
        self._http = httpx.AsyncClient(timeout=config.timeout_s)
        self._tokens = Tokens(self._fetch)

    async def ask(self, method: str, path: str, *, body: Any = None, params: dict[str, str] | None = None, **content: Any) -> Reply:
        """Make a request; `path` follows `/services/data/vXX.0`.

        Raises
        ------
        AuthError, TenantBlockedError, QuotaSpentError, RetriableError, DoubtfulError, PoisonRecordError
            As in `contract.Sink`.
        """
        token = await self._tokens.current()
        response = await self._send(method, path, token, body, params, content)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            renewed = await self._tokens.current(refused=token.text)
            response = await self._send(method, path, renewed, body, params, content)
        usage = USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        left = None if usage is None else int(usage[2]) - int(usage[1])
        if response.is_success:
            is_json = response.headers.get("Content-Type", "").startswith("application/json")
            return Reply(response.status_code, json_of(response) if is_json else None, left, response.text, response.headers)
        raise _error_of(response, f"{method} {path}")

    async def close(self) -> None:
        """End connections."""
        await self._http.aclose()

    async def _send(self, method: str, path: str, token: Token, body: Any, params: dict[str, str] | None, content: dict[str, Any]) -> httpx.Response:
        url = f"{token.base_url}/services/data/{self._config.api_version}{path}"
        headers = {"Authorization": f"Bearer {token.text}", **content.get("headers", {})}
        return await call(self._http, method, url, body=body, params=params, **{**content, "headers": headers})

    async def _fetch(self) -> Token:
        response = await call(self._http, "POST", f"{self._config.login_url}/services/oauth2/token", data=self._grant())
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise RetriableError("Salesforce's token endpoint is busy", retry_after_s=retry_after_s(response))
        if response.is_error:
            raise AuthError(f"Salesforce refuses the credentials (status {response.status_code}): check the connected app, its user and its key")
        answer = json_of(response)
        return Token(answer["access_token"], base_url=answer["instance_url"])

    def _grant(self) -> dict[str, str]:
        config = self._config
        if config.private_key is None:
            assert config.client_secret is not None
            return {"grant_type": "client_credentials", "client_id": config.client_id, "client_secret": config.client_secret.get_secret_value()}
        claims = {"iss": config.client_id, "sub": config.username, "aud": config.audience, "exp": int(self._clock()) + ASSERTION_S}
        try:
            return {"grant_type": JWT_BEARER, "assertion": jwt.encode(claims, config.private_key.get_secret_value(), algorithm="RS256")}
        except (ValueError, TypeError, jwt.PyJWTError) as exc:
            raise AuthError(f"Salesforce: private_key is no RSA key in PEM: {type(exc).__name__}") from None


def _error_of(response: httpx.Response, asked: str) -> ProxError:
    code = _code_of(response)
    said = f"{asked}: status {response.status_code} {code}"
    match response.status_code, code:
        case 401, _:
            return AuthError("Salesforce refuses a token that is new: the connected app or its user was blocked")
        case _, "REQUEST_LIMIT_EXCEEDED":
            return QuotaSpentError("the org's API calls of the day are spent", retry_after_s=retry_after_s(response))
        case 429, _:
            return RetriableError(f"Salesforce is busy: {said}", retry_after_s=retry_after_s(response))
        case _, "UNABLE_TO_LOCK_ROW":
            return RetriableError(f"Salesforce has locked rows: {said}")
        case (403, _) | (_, "INVALID_FIELD" | "INVALID_TYPE" | "INVALID_FIELD_FOR_INSERT_UPDATE"):
            return TenantBlockedError(f"a ProX field is missing in Salesforce, or its user may not see it: deploy the metadata package. {said}")
        case _:
            return PoisonRecordError(f"Salesforce refuses it: {said}", reason=code.lower() or "invalid")


def _code_of(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    first = body[0] if isinstance(body, list) and body else body
    return str(first.get("errorCode", "")) if isinstance(first, dict) else ""
