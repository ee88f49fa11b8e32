"""Which tenant pushes to which CRM, and how: read from the tenants file, secrets unsealed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from connectors.cassandra.profiles import ProfileStore
from connectors.crm.back import BackSettings
from connectors.crm.contract import Addresses, Limits, Sink
from connectors.crm.delivery.rules import PushRules
from connectors.crm.fields import Values, values_of
from connectors.crm.source import Pace, Source
from connectors.hubspot.client import HubSpotClient
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.sink import HubSpotSink
from connectors.hubspot.source import HubSpotSource
from connectors.outlets.csv_file import CsvConfig, CsvSink
from connectors.outlets.webhook import WebhookConfig, WebhookSink
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.sink import SalesforceSink
from connectors.salesforce.source import SalesforceSource
from infra.sealing import unseal
from infra.secret_fields import secret_fields
from infra.settings import Settings
from models.conversion_time import expected_ms
from models.explanations import in_words
from schemas.errors import ConfigError
from schemas.ids import Millis
from schemas.score import LeadScore

RULES = "rules"
BACK = "back"
TABLES = (RULES, BACK)
"""Keys of an account that are not its connector's."""


class RulesSettings(BaseModel):
    """`[TENANT.crm.NAME.rules]`: as `connectors.crm.delivery.rules.PushRules`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    material_move: float = Field(default=0.15, gt=0, le=1, description="of the propensity, while the grade stays")
    settle: timedelta = Field(default=timedelta(seconds=2), description="a change of grade waits so long for what follows")
    move_settle: timedelta = Field(default=timedelta(minutes=1), description="a move within a grade waits so long")
    min_interval: timedelta = Field(default=timedelta(minutes=1), description="between two pushes of a lead")
    clear_fall: float = Field(default=0.08, gt=0, le=1, description="of the propensity: a lower grade that has lost less is a fall")
    fall_settle: timedelta = Field(default=timedelta(minutes=10), description="a fall waits so long for what follows")

    def rules(self) -> PushRules:
        """What the engine takes."""
        return PushRules(
            material_move=self.material_move,
            settle_ms=_ms(self.settle),
            move_settle_ms=_ms(self.move_settle),
            min_interval_ms=_ms(self.min_interval),
            clear_fall=self.clear_fall,
            fall_settle_ms=_ms(self.fall_settle),
        )


class CrmAccount(NamedTuple):
    """One tenant's account of one CRM, its secrets sealed as in the tenants file: so it travels in the graph of a Flink job.

    Parameters
    ----------
    table
        What the tenants file says, without the rules.
    matches
        Whether leads are looked for by their address; outlets have nothing to look in.
    creates
        Whether leads that are not there are created; outlets take every lead.
    interval_ends_ms
        Of the tenant's attribution window: what an expected date rests on.
    back
        What comes back from it; None: nothing.
    """

    tenant: str
    crm: str
    table: Mapping[str, Any]
    rules: PushRules
    matches: bool
    creates: bool
    interval_ends_ms: tuple[int, ...] = ()
    back: BackSettings | None = None

    @property
    def name(self) -> str:
        """`crm|tenant`: what its state and its metrics are kept under."""
        return f"{self.crm}|{self.tenant}"

    def opened(self, keys: SecretStr | None) -> BaseModel:
        """Its configuration, with secrets that these keys open: where requests are made, and nowhere else.

        Raises
        ------
        ConfigError
            Keys are missing or others, or a secret stands in clear; names where, never what.
        """
        try:
            return _config(self.crm, self.table, keys)
        except ConfigError as exc:
            raise ConfigError(f"tenants file, [{self.tenant}.crm.{self.crm}]: {exc}") from None


CONFIGS: Mapping[str, type[BaseModel]] = {"hubspot": HubSpotConfig, "salesforce": SalesforceConfig, "webhook": WebhookConfig, "csv": CsvConfig}


def crm_accounts(settings: Settings) -> list[CrmAccount]:
    """Every account of the tenants file.

    Raises
    ------
    ConfigError
        An unknown CRM or key, a secret in clear, or one that the keys do not open; names where, never what.
    """
    tenants = settings.tenants()
    return [
        _account(tenant, crm, table, settings.secrets_keys)._replace(interval_ends_ms=given.policy().interval_ends_ms)
        for tenant, given in tenants.items()
        for crm, table in given.crm.items()
    ]


def _account(tenant: str, crm: str, given: Mapping[str, Any], keys: SecretStr | None) -> CrmAccount:
    where = f"tenants file, [{tenant}.crm.{crm}]"
    if crm not in CONFIGS:
        raise ConfigError(f"{where}: no connector {crm!r}; there are {', '.join(CONFIGS)}")
    table = {name: value for name, value in given.items() if name not in TABLES}
    try:
        config = _config(crm, table, keys)  # a wrong one is told now, and not by a worker
        rules = RulesSettings.model_validate(given.get(RULES, {}))
        back = None if BACK not in given else BackSettings.model_validate(given[BACK])
        _check_back(config, back)
    except ConfigError as exc:
        raise ConfigError(f"{where}: {exc}") from None
    except ValidationError as exc:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors(include_input=False))
        raise ConfigError(f"{where}: {problems}") from None
    matches, creates = bool(getattr(config, "matches", False)), bool(getattr(config, "creates", True))
    return CrmAccount(tenant, crm, table, rules.rules(), matches=matches, creates=creates, back=back)


def _config(crm: str, table: Mapping[str, Any], keys: SecretStr | None) -> BaseModel:
    kind = CONFIGS[crm]
    secrets = {path[0] for path in secret_fields(kind)}
    return kind.model_validate({name: unseal(str(value), keys) if name in secrets else value for name, value in table.items()})


def _check_back(config: BaseModel, back: BackSettings | None) -> None:
    if back is None:
        return
    if not isinstance(config, HubSpotConfig | SalesforceConfig):
        raise ConfigError("nothing comes back from it: take `back` out")
    if back.webhook_url and not (isinstance(config, HubSpotConfig) and config.client_secret):
        raise ConfigError("webhooks are HubSpot's, and signed with the app's client_secret: give it")


class TenantAddresses(NamedTuple):
    """A tenant's addresses, in the only table that names a person."""

    tenant: str
    profiles: ProfileStore

    def emails(self, leads: Sequence[str]) -> Mapping[str, str]:
        """Lead → address."""
        return self.profiles.emails(self.tenant, leads)


def sink_of(account: CrmAccount, addresses: Addresses, *, keys: SecretStr | None, clock: Callable[[], float]) -> Sink:
    """The account's sink; `keys` open its secrets, `clock` gives seconds since 1970.

    Raises
    ------
    ConfigError
        As `CrmAccount.opened`.
    """
    values = values_shown(account)
    match account.opened(keys):
        case HubSpotConfig() as config:
            return HubSpotSink(config, addresses, values=values)
        case SalesforceConfig() as config:
            return SalesforceSink(config, addresses, SalesforceClient(config, clock=clock), values=values)
        case WebhookConfig() as config:
            return WebhookSink(config, values=values)
        case config:
            assert isinstance(config, CsvConfig)
            return CsvSink(config, values=values)


def _ms(time: timedelta) -> int:
    return round(time.total_seconds() * 1_000)


def values_shown(account: CrmAccount) -> Values:
    """What the account's people are shown of a score: reasons in words, and the date."""
    return partial(values_of, in_words=in_words, expected_at=partial(_expected_at, account.interval_ends_ms))


def _expected_at(ends_ms: tuple[int, ...], score: LeadScore) -> Millis | None:
    """None: no window, one that was changed since, or a score of before dates were told."""
    if not score.converted_by or len(score.converted_by) != len(ends_ms):
        return None
    return Millis(score.as_of + round(expected_ms(score.converted_by, ends_ms)))


def source_of(account: CrmAccount, pace: Pace, *, keys: SecretStr | None, clock: Callable[[], float]) -> Source:
    """The account's records; `keys` open its secrets, `clock` gives seconds since 1970.

    Raises
    ------
    ConfigError
        Nothing comes back from the account.
    """
    if account.back is None:
        raise ConfigError(f"tenants file, [{account.tenant}.crm.{account.crm}]: it has no table `back`, which says what its stages mean")
    match account.opened(keys):
        case HubSpotConfig() as config:
            return HubSpotSource(HubSpotClient(config), account.back, pace)
        case config:
            assert isinstance(config, SalesforceConfig)
            return SalesforceSource(SalesforceClient(config, clock=clock), account.back, pace)


def limits_of(account: CrmAccount, keys: SecretStr | None) -> Limits:
    """What the vendor allows an account from which something comes back."""
    config = account.opened(keys)
    assert isinstance(config, HubSpotConfig | SalesforceConfig)
    return config.limits()
