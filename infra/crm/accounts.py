"""Which tenant pushes to which CRM, and how: read from the tenants file, secrets unsealed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from connectors.cassandra.profiles import ProfileStore
from connectors.crm.contract import Addresses, Sink
from connectors.crm.delivery.rules import PushRules
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.sink import HubSpotSink
from connectors.outlets.csv_file import CsvConfig, CsvSink
from connectors.outlets.webhook import WebhookConfig, WebhookSink
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.sink import SalesforceSink
from infra.sealing import unseal
from infra.settings import Settings
from schemas.errors import ConfigError

RULES = "rules"


class RulesSettings(BaseModel):
    """`[TENANT.crm.NAME.rules]`: as `connectors.crm.delivery.rules.PushRules`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    material_move: float = Field(default=0.15, gt=0, le=1, description="of the propensity, while the grade stays")
    settle: timedelta = Field(default=timedelta(seconds=2), description="a change of grade waits so long for what follows")
    move_settle: timedelta = Field(default=timedelta(minutes=1), description="a move within a grade waits so long")
    min_interval: timedelta = Field(default=timedelta(minutes=1), description="between two pushes of a lead")

    def rules(self) -> PushRules:
        """What the engine takes."""
        settle, move_settle, min_interval = (round(one.total_seconds() * 1_000) for one in (self.settle, self.move_settle, self.min_interval))
        return PushRules(self.material_move, settle, move_settle, min_interval)


class CrmAccount(NamedTuple):
    """One tenant's account of one CRM."""

    tenant: str
    crm: str
    config: BaseModel
    rules: PushRules

    @property
    def creates(self) -> bool:
        """Whether leads that are not there are created; outlets take every lead."""
        return bool(getattr(self.config, "creates", True))

    @property
    def matches(self) -> bool:
        """Whether leads are looked for by their address; outlets have nothing to look in."""
        return bool(getattr(self.config, "matches", False))

    @property
    def name(self) -> str:
        """`crm|tenant`: what its state and its metrics are kept under."""
        return f"{self.crm}|{self.tenant}"


CONFIGS: Mapping[str, type[BaseModel]] = {"hubspot": HubSpotConfig, "salesforce": SalesforceConfig, "webhook": WebhookConfig, "csv": CsvConfig}


def crm_accounts(settings: Settings) -> list[CrmAccount]:
    """Every account of the tenants file.

    Raises
    ------
    ConfigError
        An unknown CRM or key, a secret in clear, or one that the keys do not open; names where, never what.
    """
    return [_account(tenant, crm, table, settings.secrets_keys) for tenant, given in settings.tenants().items() for crm, table in given.crm.items()]


def _account(tenant: str, crm: str, table: Mapping[str, Any], keys: SecretStr | None) -> CrmAccount:
    where = f"tenants file, [{tenant}.crm.{crm}]"
    kind = CONFIGS.get(crm)
    if kind is None:
        raise ConfigError(f"{where}: no connector {crm!r}; there are {', '.join(CONFIGS)}")
    try:
        secrets = {name for name, field in kind.model_fields.items() if SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))}
        values = {name: unseal(str(value), keys) if name in secrets else value for name, value in table.items() if name != RULES}
        rules = RulesSettings.model_validate(table.get(RULES, {}))
        return CrmAccount(tenant, crm, kind.model_validate(values), rules.rules())
    except ConfigError as exc:
        raise ConfigError(f"{where}: {exc}") from None
    except ValidationError as exc:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors(include_input=False))
        raise ConfigError(f"{where}: {problems}") from None


class TenantAddresses(NamedTuple):
    """A tenant's addresses, in the only table that names a person."""

    tenant: str
    profiles: ProfileStore

    def emails(self, leads: Sequence[str]) -> Mapping[str, str]:
        """Lead → address."""
        return self.profiles.emails(self.tenant, leads)


def sink_of(account: CrmAccount, addresses: Addresses, *, clock: Callable[[], float]) -> Sink:
    """The account's sink; `clock` gives seconds since 1970."""
    match account.config:
        case HubSpotConfig() as config:
            return HubSpotSink(config, addresses)
        case SalesforceConfig() as config:
            return SalesforceSink(config, addresses, SalesforceClient(config, clock=clock))
        case WebhookConfig() as config:
            return WebhookSink(config)
        case config:
            assert isinstance(config, CsvConfig)
            return CsvSink(config)
