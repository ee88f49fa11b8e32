"""Scores → an address of the tenant's own, signed."""

import hmac

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from connectors.crm.contract import Answer, Answered, Limits, Request, Stage, Verdict
from connectors.crm.fields import Values, values_of
from connectors.crm.http import call, retry_after_s
from schemas.errors import AuthError, PoisonRecordError, RateLimitedError

SIGNATURE = "X-ProX-Signature"


class WebhookConfig(BaseModel):
    """Where scores are posted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern="^https?://")
    secret: SecretStr = Field(description="signs each body: X-ProX-Signature is the hex HMAC-SHA256 of it")
    batch: int = Field(default=100, ge=1, le=1_000)
    burst: int = Field(default=100, ge=1, description="requests in ten seconds")
    timeout_s: float = Field(default=10.0, gt=0)


class WebhookSink:
    """One address, as `contract.Sink`. It takes every lead: who it does not know is its own business, so nothing is looked for.

    A batch may come twice; `revision` orders a lead's scores, so the receiver can drop what is not later.
    """

    def __init__(self, config: WebhookConfig, *, values: Values = values_of) -> None:
        self._values = values
        self._config = config
        self.limits = Limits(batch=config.batch, burst=config.burst, timeout_ms=round(config.timeout_s * 1_000))
        self._http = httpx.AsyncClient(timeout=config.timeout_s)

    async def set_up(self) -> list[str]:
        """Nothing to make."""
        return []

    async def send(self, request: Request) -> Answered:
        """Post the batch; any success takes all of it."""
        if request.stage is not Stage.WRITE:
            return Answered([Answer(Verdict.MISSING) for _ in request.items])
        body = orjson.dumps({"scores": [{"lead": item.lead, **self._values(item.score)} for item in request.items]})
        signature = hmac.digest(self._config.secret.get_secret_value().encode(), body, "sha256").hex()
        headers = {"Content-Type": "application/json", SIGNATURE: signature}
        response = await call(self._http, "POST", self._config.url, told="the webhook", content=body, headers=headers)
        match response.status_code:
            case 429:
                raise RateLimitedError("the address says: too many", retry_after_s=retry_after_s(response))
            case 401 | 403:
                raise AuthError("the address refuses the signature")
            case _ if response.is_error:
                raise PoisonRecordError(f"the address refuses the batch: status {response.status_code}", reason="refused")
        return Answered([Answer(Verdict.DONE, record=item.lead) for item in request.items])

    async def close(self) -> None:
        """End connections."""
        await self._http.aclose()
