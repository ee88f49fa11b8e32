"""Accounts of the tenants file, and their secrets."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from connectors.crm.delivery.rules import PushRules
from infra.crm.accounts import crm_accounts, values_shown
from infra.sealing import seal, unseal
from infra.settings import Settings
from schemas.errors import ConfigError
from tests.builders import MONDAY
from tests.results import a_score

OLD, NEW = (SecretStr(Fernet.generate_key().decode()) for _ in range(2))
BOTH = SecretStr(f"{NEW.get_secret_value()},{OLD.get_secret_value()}")


def settings_of(folder: Path, text: str, keys: SecretStr | None = NEW) -> Settings:
    (folder / "tenants.toml").write_text(text)
    return Settings(tenants_file=folder / "tenants.toml", secrets_keys=keys)


def test_an_account_is_read_with_its_rules(tmp_path: Path):
    """Durations are ISO 8601; the token stays sealed until the keys open it, and is not shown then."""
    token = seal("pat-7", NEW)
    text = f'[acme.crm.hubspot]\naccess_token = "{token}"\nburst = 100\nrules = {{ material_move = 0.2, min_interval = "PT5M", clear_fall = 0.3 }}\n'
    (account,) = crm_accounts(settings_of(tmp_path, text))

    assert ("acme", "hubspot") == (account.tenant, account.crm)
    assert PushRules(material_move=0.2, min_interval_ms=300_000, clear_fall=0.3) == account.rules
    assert token == account.table["access_token"]
    opened = account.opened(NEW)
    assert "pat-7" == opened.access_token.get_secret_value()  # type: ignore[attr-defined]
    assert "pat-7" not in repr(opened)
    with pytest.raises(ConfigError, match=r"acme.crm.hubspot.*does not open"):
        account.opened(OLD)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[acme.crm.hubspot]\naccess_token = "pat-7"\n', r"acme.crm.hubspot.*in clear"),
        ("[acme.crm.hubspot]\nburst = 100\n", r"acme.crm.hubspot.*give access_token"),
        ('[acme.crm.pipedrive]\ntoken = "x"\n', r"no connector 'pipedrive'; there are hubspot"),
        ('[acme.crm.csv]\npath = "x.csv"\ncolour = 1\n', r"acme.crm.csv.*colour"),
        (f'[acme.crm.hubspot]\naccess_token = "{seal("pat-7", OLD)}"\n', r"does not open"),
    ],
)
def test_a_wrong_account_is_refused_with_where_and_never_what(tmp_path: Path, text: str, message: str):
    """The error names the place; no secret is in it."""
    with pytest.raises(ConfigError, match=message) as caught:
        crm_accounts(settings_of(tmp_path, text))

    assert "pat-7" not in str(caught.value)


def test_keys_can_be_changed_one_by_one():
    """What the old key sealed is opened while both are given; the first one seals."""
    assert ["a", "b"] == [unseal(seal("a", OLD), BOTH), unseal(seal("b", BOTH), NEW)]
    with pytest.raises(ConfigError, match="PROX_SECRETS_KEYS is not set"):
        seal("a", None)


def test_people_are_shown_reasons_in_words_and_the_date(tmp_path: Path):
    """The strongest three of either sign; the date by the tenant's own window; both left out where a score does not tell."""
    (account,) = crm_accounts(settings_of(tmp_path, '[acme]\nattribution_window = "P10D"\n[acme.crm.csv]\npath = "x.csv"\n'))
    features = ["gap", "events_of_type=email_opened", "no city", "channel=web", "types"]
    told = a_score(
        "ada",
        at=MONDAY,
        reason_features=features,
        reason_shares=[-0.5, 0.4, 0.3, 0.2, 0.1],
        reason_values=[4.2904594, 1.3862944, 0.0, 1.0, 5.0],
        converted_by=[0.0] * (len(account.interval_ends_ms) - 1) + [0.4],
    )
    values = values_shown(account)(told)

    assert "email opened: 3 times; city is not known; channel is web" == values["reasons_for"]
    assert "silent for 3 days before" == values["reasons_against"]
    # all of the probability is in the last interval: its middle
    middle = (account.interval_ends_ms[-2] + account.interval_ends_ms[-1]) / 2
    assert datetime.fromtimestamp((MONDAY + middle) / 1_000, UTC) == datetime.fromisoformat(str(values["expected_at"]))
    assert ("recency", "") == tuple(values_shown(account)(a_score("ada"))[name] for name in ("reasons_for", "expected_at"))
