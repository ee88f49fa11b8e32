"""What of a tenant's table `back` is refused, and how."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.crm.back import BackSettings, parsed
from infra.crm.accounts import crm_accounts
from infra.sealing import seal
from schemas.crm_change import DEAL, PERSON
from schemas.errors import ConfigError
from tests.unit.infra.test_crm_accounts import NEW, settings_of


def test_a_stage_has_a_meaning_of_its_kind():
    """Of deals and of persons apart; what is not entered means nothing."""
    back = BackSettings(deal_stages={"closedwon": "won"}, person_stages={"closedwon": "qualified"})

    assert ("won", "qualified", "") == (back.meaning(DEAL, "closedwon"), back.meaning(PERSON, "closedwon"), back.meaning(DEAL, "other"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"deal_stages": {"closedwon": "Won!"}}, "'closedwon' = 'Won!'"),
        ({"deal_stages": {" ": "won"}}, "a meaning is won, lost"),
        ({"person_stages": {"open": "reopened"}}, "reopened"),
        ({"traits": {"email": "mail"}}, "'email' names a person"),
        ({"traits": {"Account.Phone": "phone_of_account"}}, "names a person"),
        ({"traits": {"prox_grade": "grade"}}, "ProX's own"),
        ({"traits": {"a": "industry", "b": "industry"}}, "'industry' comes from two fields"),
        ({"traits": {"a": "size"}, "deal_traits": {"b": "size"}}, "size comes from persons and from deals"),
        ({"traits": {"x y": "z"}}, "no field's name"),
        ({"override_field": "prox_grade"}, "the tenant's own"),
        ({"portal_id": 7}, "both portal_id and webhook_url"),
        ({"portal_id": 7, "webhook_url": "http://a.example"}, "https"),
        ({"conversion": "Won it"}, "Won it"),
        ({"share": 0.9}, "share"),
        ({"stages": {}}, "stages"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(wrong: dict[str, object], message: str):
    """At start, and with the name of what to mend."""
    with pytest.raises(ValidationError, match=message):
        BackSettings.model_validate(wrong)


def test_all_problems_are_told_at_once():
    """One look at the file mends it."""
    with pytest.raises(ValidationError) as caught:
        BackSettings.model_validate({"traits": {"email": "a", "Phone": "b", "prox_x": "c"}, "deal_stages": {"x": "Y"}})

    assert all(word in str(caught.value) for word in ("'email'", "'Phone'", "'prox_x'", "'x' = 'Y'"))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[acme.crm.hubspot]\naccess_token = "TOKEN"\nback = { portal_id = 7, webhook_url = "https://a.example" }\n', "client_secret"),
        ('[acme.crm.csv]\npath = "x.csv"\nback = {}\n', r"\[acme.crm.csv\]: nothing comes back"),
        ('[acme.crm.hubspot]\naccess_token = "TOKEN"\nback = { deal_stages = { closedwon = 1 } }\n', r"\[acme.crm.hubspot\].*deal_stages"),
    ],
)
def test_a_table_must_fit_its_account(tmp_path: Path, table: str, message: str):
    """The error names the account."""
    with pytest.raises(ConfigError, match=message):
        crm_accounts(settings_of(tmp_path, table.replace("TOKEN", seal("pat-7", NEW))))


def test_values_are_compared_as_text():
    """Whatever JSON made of them."""
    assert ["", "true", "40", "0.5", "Retail"] == [parsed(value) for value in (None, True, 40.0, 0.5, "Retail")]
