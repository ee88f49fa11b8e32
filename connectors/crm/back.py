"""What a tenant's CRM fields mean here: stages, traits, overrides. Checked when the tenants file is read."""

import re
from datetime import timedelta
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.crm_change import DEAL, PERSON
from schemas.outcome import CLOSING

STAGE = re.compile(r"[a-z][a-z0-9_]{0,39}")
FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}(\.[A-Za-z][A-Za-z0-9_]{0,99})?")
ACCOUNT_ID = "account_id"
"""As the name of a trait: the company that the lead works for."""
OURS = "prox_"
NAMES_A_PERSON = frozenset(
    {
        *("email", "mail", "phone", "mobilephone", "mobile", "fax", "name", "firstname", "lastname", "middlename", "fullname", "salutation"),
        *("address", "street", "zip", "postalcode", "date_of_birth", "birthdate", "ip", "description", "hs_email", "work_email", "homephone"),
    }
)
"""Fields that are no traits: what names a person has one place (`schemas.event.Person`), and free text may."""


class BackSettings(BaseModel):
    """`[TENANT.crm.NAME.back]`: what comes back from the account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deal_stages: dict[str, str] = Field(default={}, description="the CRM's stage of a deal → won, lost, disqualified, or a word of the funnel")
    person_stages: dict[str, str] = Field(default={}, description="the same for lifecycle stage (HubSpot) and lead status (Salesforce)")
    conversion: str = Field(default="converted", description="what a lead's conversion in Salesforce means: a word of the funnel, or an outcome")
    traits: dict[str, str] = Field(default={}, description="a person's field → trait of the lead; account_id is its company")
    deal_traits: dict[str, str] = Field(default={}, description="a deal's field → trait of its leads, as in owner and amount")
    amount: str = Field(default="", description="the deal's field that holds an outcome's amount; empty: the CRM's own")
    override_field: str = Field(default="", description="the person's field in which people write a grade, A1 to D3")
    override_for: timedelta = Field(default=timedelta(days=30), gt=timedelta(0), description="how long such a grade counts")
    every: timedelta = Field(default=timedelta(minutes=1), ge=timedelta(seconds=1), description="between two looks at what changed")
    share: float = Field(default=0.05, gt=0, le=0.5, description="of the account's quota")
    portal_id: int | None = Field(default=None, description="HubSpot: whose webhooks these are")
    webhook_url: str = Field(default="", description="HubSpot: the address that webhooks are sent to, as it stands in the app")

    @field_validator("deal_stages", "person_stages")
    @classmethod
    def _stages(cls, stages: dict[str, str]) -> dict[str, str]:
        wrong = sorted(f"{stage!r} = {meaning!r}" for stage, meaning in stages.items() if not stage.strip() or not STAGE.fullmatch(meaning))
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: a meaning is won, lost, disqualified, or a stage of the funnel in small letters, digits and _")
        if "reopened" in stages.values():
            raise ValueError("'reopened' is no stage: a deal that leaves a closed stage is reopened by itself")
        return stages

    @field_validator("conversion")
    @classmethod
    def _meaning(cls, meaning: str) -> str:
        if not STAGE.fullmatch(meaning):
            raise ValueError(f"{meaning!r}: won, lost, disqualified, or a stage of the funnel in small letters, digits and _")
        return meaning

    @field_validator("traits", "deal_traits")
    @classmethod
    def _traits(cls, traits: dict[str, str]) -> dict[str, str]:
        problems = [f"{field!r} is no field's name" for field in traits if not FIELD.fullmatch(field)]
        problems += [f"{field!r} names a person, and traits do not" for field in traits if field.lower().rpartition(".")[2] in NAMES_A_PERSON]
        problems += [f"{field!r} is ProX's own" for field in traits if field.lower().startswith(OURS)]
        problems += [f"{name!r} is no trait's name: small letters, digits and _" for name in traits.values() if not STAGE.fullmatch(name)]
        problems += [f"trait {name!r} comes from two fields" for name in set(traits.values()) if list(traits.values()).count(name) > 1]
        if problems:
            raise ValueError("; ".join(sorted(problems)))
        return traits

    @model_validator(mode="after")
    def _fits(self) -> Self:
        both = sorted(set(self.traits.values()) & set(self.deal_traits.values()))
        if both:
            raise ValueError(f"trait {', '.join(both)} comes from persons and from deals")
        if self.override_field and (not FIELD.fullmatch(self.override_field) or self.override_field.lower().startswith(OURS)):
            raise ValueError(f"override_field {self.override_field!r} must be a field of the tenant's own: ProX writes its own fields itself")
        if (self.portal_id is None) != (not self.webhook_url):
            raise ValueError("webhooks need both portal_id and webhook_url")
        if self.webhook_url and not self.webhook_url.startswith("https://"):
            raise ValueError("webhook_url begins with https://: HubSpot sends to no other")
        return self

    def meaning(self, kind: str, stage: str) -> str:
        """What a stage of the CRM means; empty: nothing that is followed."""
        return {PERSON: self.person_stages, DEAL: self.deal_stages}[kind].get(stage, "")

    def wanted(self, kind: str) -> list[str]:
        """Fields to be read besides the stage."""
        own = [*self.traits, *([self.override_field] if self.override_field else [])]
        return list(dict.fromkeys(own if kind == PERSON else [*self.deal_traits, *([self.amount] if self.amount else [])]))

    def traits_of(self, kind: str) -> dict[str, str]:
        """Field → trait."""
        return self.traits if kind == PERSON else self.deal_traits


def is_closing(meaning: str) -> bool:
    """Whether it ends a lead's story."""
    return meaning in CLOSING


def parsed(value: Any) -> str:
    """A field's value as text, as all CRMs are compared by: None is empty, a whole float has no point."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)
