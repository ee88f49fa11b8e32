"""One tenant's Salesforce org."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors.crm.contract import Limits


class SalesforceConfig(BaseModel):
    """How to reach the org: as a connected app by JWT bearer, or by client credentials. Never by name and password (SOAP login ends in 2027)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    login_url: str = Field(default="https://login.salesforce.com", description="the org's own domain for client credentials")
    audience: str = Field(default="https://login.salesforce.com", description="of the JWT; https://test.salesforce.com for a sandbox")
    api_version: str = Field(default="v62.0", pattern=r"^v\d+\.0$")
    client_id: str = Field(description="the connected app's consumer key")
    client_secret: SecretStr | None = Field(default=None, description="for client credentials")
    username: str = Field(default="", description="for JWT bearer: the user that pushes")
    private_key: SecretStr | None = Field(default=None, description="for JWT bearer: PEM of the RSA key whose certificate the app has")
    matches: bool = Field(default=True, description="whether leads are looked for by e-mail address, and linked")
    creates: bool = Field(default=False, description="whether leads that the org does not have are created")
    opportunities: bool = Field(default=True, description="whether the score of a converted lead is shown on its opportunity too")
    burst: int = Field(default=200, ge=1, description="requests in ten seconds: Salesforce has no such limit, others' patience has")
    daily: int = Field(default=100_000, ge=1, description="the org's allotment, shared by all its integrations")
    daily_reserve: float = Field(default=0.5, ge=0, lt=1, description="share of it that ProX leaves to the others")
    concurrency: int = Field(default=5, ge=1, le=25, description="parallel writers lock each other's rows")
    timeout_s: float = Field(default=20.0, gt=0)

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if not (self.client_secret or (self.username and self.private_key)):
            raise ValueError("salesforce: give username and private_key (JWT bearer), or client_secret (client credentials)")
        return self

    def limits(self) -> Limits:
        """What the org may be asked."""
        return Limits(
            batch=200,
            concurrency=self.concurrency,
            burst=self.burst,
            daily=self.daily,
            daily_reserve=self.daily_reserve,
            timeout_ms=round(self.timeout_s * 1_000),
        )
