"""One tenant's HubSpot account."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors.crm.contract import Limits


class HubSpotConfig(BaseModel):
    """How to reach the account: by the token of a private app, or as an OAuth app."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = "https://api.hubapi.com"
    access_token: SecretStr | None = Field(default=None, description="of a private app")
    client_id: str = ""
    client_secret: SecretStr | None = Field(default=None, description="also signs webhooks")
    refresh_token: SecretStr | None = Field(default=None, description="of the account that installed the OAuth app")
    matches: bool = Field(default=True, description="whether leads are looked for by e-mail address, and linked")
    creates: bool = Field(default=False, description="whether leads that HubSpot does not have become contacts")
    burst: int = Field(default=190, ge=1, description="requests in ten seconds: 100 for Free, Starter and OAuth apps")
    daily: int | None = Field(default=625_000, ge=1, description="requests a day; none for OAuth apps")
    timeout_s: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        is_oauth = self.client_id and self.client_secret and self.refresh_token
        if not (self.access_token or is_oauth):
            raise ValueError("hubspot: give access_token, or client_id, client_secret and refresh_token")
        return self

    def limits(self) -> Limits:
        """What the account may be asked."""
        # 19 requests a second that take a second each need 19 under way; trouble brings it down
        return Limits(batch=100, concurrency=25, burst=self.burst, daily=self.daily, timeout_ms=round(self.timeout_s * 1_000))
