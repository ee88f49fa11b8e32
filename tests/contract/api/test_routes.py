from typing import Any
from urllib.parse import quote, unquote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from connectors.cassandra.accounts import MOST
from connectors.cassandra.events import StoredEvent
from connectors.cassandra.profiles import StoredProfile
from connectors.cassandra.traits import StoredTrait
from schemas.event import Person
from tests.builders import MONDAY, TENANT, TUESDAY, later
from tests.results import FakeStores, a_score

PAGED = ("/v1/leads", "/v1/leads/ada/scores", "/v1/leads/ada/events", "/v1/accounts/account-7/leads", "/v1/models", "/v1/metrics?name=auc")


def _walk(client: TestClient, path: str, limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    joint, cursor = ("&" if "?" in path else "?"), None
    while True:
        page = client.get(f"{path}{joint}limit={limit}" + (f"&cursor={cursor}" if cursor else "")).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


@pytest.mark.parametrize("path", PAGED)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_hold_everything_once_in_order(acme: TestClient, path: str, limit: int):
    """Whatever the size of the pages, walking them is the whole answer."""
    whole = acme.get(path).json()

    assert whole["next"] is None
    assert len(whole["items"]) > 1
    assert whole["items"] == _walk(acme, path, limit)


def test_a_lead_is_one_answer(acme: TestClient):
    """Profile, latest score with reasons and latest outcome."""
    lead = acme.get("/v1/leads/ada").json()

    assert ("Ada", 0.7, "won") == (lead["profile"]["name"], lead["score"]["propensity"], lead["outcome"]["outcome"])
    assert [("recency", 0.5), ("visits", -0.25)] == [(reason["feature"], reason["contribution"]) for reason in lead["score"]["reasons"]]


@pytest.mark.parametrize("lead", ["web/7", "/", "a/scores", "100%", "100%2F", "%25", "für/ alle?#", "a|b"])
def test_a_lead_of_any_name_is_reached(acme: TestClient, held: FakeStores, lead: str):
    """Its id is one segment of the path, encoded as any: view, scores and events are of this lead."""
    held.scores.append(a_score(lead))
    path = f"/v1/leads/{quote(lead, safe='')}"

    assert lead == acme.get(path).json()["lead"]
    assert [f"{lead}-1"] == [item["event_id"] for item in acme.get(f"{path}/scores").json()["items"]]
    assert 200 == acme.get(f"{path}/events").status_code


def test_a_slash_that_is_not_encoded_is_the_paths(acme: TestClient, held: FakeStores):
    """So no lead's name can stand for another resource."""
    held.scores.append(a_score("ada/scores"))

    assert 7 == len(acme.get("/v1/leads/ada/scores").json()["items"])
    assert 404 == acme.get("/v1/leads/ada/other").status_code


def test_a_server_that_decodes_the_whole_path_still_serves(app: FastAPI, acme: TestClient):
    """`raw_path` is optional in ASGI: without it only slashes are out of reach."""

    async def decoding(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "path": unquote(scope["raw_path"].decode()), "raw_path": b""}, receive, send)

    client = TestClient(decoding, headers=acme.headers)

    assert "ada" == client.get("/v1/leads/ada").json()["lead"]
    assert "No lead '100%25' is known." == client.get("/v1/leads/100%2525").json()["detail"]


def test_what_is_not_known_of_a_lead_is_null(acme: TestClient):
    """A lead that was scored but never described."""
    lead = acme.get("/v1/leads/bob").json()

    assert (None, None) == (lead["profile"], lead["outcome"])


def test_a_lead_shows_both_sides(acme: TestClient):
    """What each CRM was sent last, when, and whether that is the grade which is known here."""
    lead = acme.get("/v1/leads/ada").json()
    shown = {each["crm"]: (each["grade"], each["in_step"]) for each in lead["crm"]}

    assert ("B1", {"hubspot": ("C2", False), "salesforce": ("B1", True)}) == (lead["score"]["grade"], shown)


def test_the_status_of_a_crm_says_what_to_do(acme: TestClient, globex: TestClient):
    """A refused token is told to its tenant, and to nobody else."""
    (account,) = acme.get("/v1/crm/status").json()["items"]

    assert ("hubspot", "unauthorized", 3.0, None) == tuple(account[name] for name in ("crm", "state", "pending", "daily_left"))
    assert "give new ones" in account["meaning"]
    assert [] == globex.get("/v1/crm/status").json()["items"]


def test_the_best_leads_come_first(acme: TestClient):
    """Whom to call first is who is most likely to convert."""
    assert ["ada", "bob"] == [item["lead"] for item in acme.get("/v1/leads?order=-propensity").json()["items"]]


@pytest.mark.parametrize(("query", "expected"), [("grade=B1", ["ada"]), ("grade=B", ["ada"]), ("grade=D&grade=B1", ["ada", "bob"]), ("grade=C2", [])])
def test_grades_are_chosen_one_by_one_or_by_letter(acme: TestClient, query: str, expected: list[str]):
    """`B` is B1 to B3; several are joined."""
    assert expected == [item["lead"] for item in acme.get(f"/v1/leads?{query}").json()["items"]]


def test_a_history_is_cut_at_both_ends(acme: TestClient):
    """`from` is inside, `to` is not; any offset will do."""
    answer = acme.get("/v1/leads/ada/scores", params={"from": "2026-03-02T10:02:00+01:00", "to": "2026-03-02T09:04:00Z"}).json()

    assert [3, 2] == [item["sequence"] for item in answer["items"]]


def test_an_account_is_its_open_leads_as_one(acme: TestClient):
    """How many, how likely one of them is to convert, whom to call, when one was last active."""
    account = acme.get("/v1/accounts/account-7").json()

    assert (2, False, 0.76, "ada", "2026-03-02T09:07:00.000Z") == (
        account["leads"],
        account["is_shared"],
        pytest.approx(account["score"]),
        account["best"]["lead"],
        account["last_activity"],
    )
    assert ["ada", "bob"] == [item["lead"] for item in acme.get("/v1/accounts/account-7/leads").json()["items"]]


@pytest.mark.parametrize("account", ["account/7", "100%2F", "Übermut & Co?"])
def test_an_account_of_any_name_is_reached(acme: TestClient, held: FakeStores, account: str):
    """Its id is one segment of the path, as a lead's is."""
    held.scores.append(a_score("cyd", account_id=account))
    path = f"/v1/accounts/{quote(account, safe='')}"

    assert (account, ["cyd"]) == (acme.get(path).json()["account"], [item["lead"] for item in acme.get(f"{path}/leads").json()["items"]])


@pytest.mark.parametrize("rest", ["", "/leads"])
def test_another_tenants_account_does_not_exist(acme: TestClient, rest: str):
    """As one that nobody works for."""
    foreign, nobody = (acme.get(f"/v1/accounts/{account}{rest}") for account in ("account-8", "account-9"))

    assert (404, 404) == (foreign.status_code, nobody.status_code)
    assert foreign.json()["detail"].replace("account-8", "account-9") == nobody.json()["detail"]


def test_what_too_many_share_is_no_account(acme: TestClient, held: FakeStores):
    """It says so, and orders nobody: the answer would be of those whose names come first."""
    held.scores += [a_score(f"reader-{n}", account_id="shared") for n in range(MOST)]
    whole = acme.get("/v1/accounts/shared").json()
    held.scores.append(a_score("one more", account_id="shared"))
    shared = acme.get("/v1/accounts/shared").json()

    assert (MOST, False, MOST, True, None) == (whole["leads"], whole["is_shared"], shared["leads"], shared["is_shared"], shared["score"])
    assert "urn:prox:problem:shared-account" == acme.get("/v1/accounts/shared/leads").json()["type"]


@pytest.mark.parametrize("path", ["", "/scores", "/events"])
def test_another_tenant_s_lead_does_not_exist(acme: TestClient, path: str):
    """To acme, globex's lead is as unknown as one that nobody has."""
    foreign, nobody = (acme.get(f"/v1/leads/{lead}{path}") for lead in ("eve", "nil"))

    assert (404, 404) == (foreign.status_code, nobody.status_code)
    assert foreign.json()["detail"].replace("'eve'", "'nil'") == nobody.json()["detail"]


def test_each_tenant_sees_its_own(acme: TestClient, globex: TestClient):
    """Lists hold one tenant's leads, models and metrics."""
    seen = [[item["lead"] for item in client.get("/v1/leads").json()["items"]] for client in (acme, globex)]

    assert [["ada", "bob"], ["eve"]] == seen
    assert [[], []] == [globex.get(path).json()["items"] for path in ("/v1/models", "/v1/metrics")]


def test_a_cursor_of_another_tenant_is_refused(acme: TestClient, globex: TestClient):
    """A position in acme's list says nothing about globex's."""
    cursor = acme.get("/v1/leads?limit=1").json()["next"]

    assert 400 == globex.get("/v1/leads", params={"cursor": cursor}).status_code


def test_the_latest_metric_of_each_name_is_shown(acme: TestClient):
    """Without a name, one measurement of each."""
    assert [("auc", 0.5)] == [(item["name"], item["value"]) for item in acme.get("/v1/metrics").json()["items"]]


def test_a_history_of_no_metric_is_refused(acme: TestClient):
    """A span needs a name: otherwise it would be ignored without a word."""
    assert 400 == acme.get("/v1/metrics?from=2026-03-02T00:00:00Z").status_code


def test_an_old_id_shows_the_way(acme: TestClient, globex: TestClient, held: FakeStores):
    """Every question about it is answered with where the same question about the lead is; another tenant's id of that name is its own."""
    held.aliases[TENANT, "b/1"] = "ada"
    answers = [acme.get(f"/v1/leads/b%2F1{rest}", follow_redirects=False) for rest in ("", "/scores?limit=2", "/events")]

    assert [308] * 3 == [answer.status_code for answer in answers]
    assert ["/v1/leads/ada", "/v1/leads/ada/scores?limit=2", "/v1/leads/ada/events"] == [answer.headers["Location"] for answer in answers]
    assert acme.get("/v1/leads/ada").json() == acme.get("/v1/leads/b%2F1").json()
    assert 404 == globex.get("/v1/leads/b%2F1").status_code


def test_what_was_done_under_an_old_id_is_the_leads(acme: TestClient, held: FakeStores):
    """Events and scores of all its ids are one history, page by page; traits and person fill in what its own profile lacks."""
    held.aliases[TENANT, "b-1"] = "ada"
    held.scores.append(a_score("b-1", at=later(MONDAY, minutes=1), event_id="early"))
    held.events.append((TENANT, "b-1", StoredEvent("early", "page_viewed", "web", later(MONDAY, minutes=30), MONDAY, {}, {}, {})))
    held.profiles[TENANT, "b-1"] = StoredProfile(None, {"industry": "retail", "plan": "pro"}, {}, {}, Person(email="ada@x.example"), MONDAY, None)
    lead = acme.get("/v1/leads/ada").json()

    assert (["b-1"], {"industry": "it", "plan": "pro", "size": 3.0}, "ada@x.example", "Ada") == (
        lead["also_known_as"],
        lead["profile"]["traits"],
        lead["profile"]["email"],
        lead["profile"]["name"],
    )
    for path in ("/v1/leads/ada/events", "/v1/leads/ada/scores"):
        assert "early" in [item["event_id"] for item in acme.get(path).json()["items"]]
        assert acme.get(path).json()["items"] == _walk(acme, path, 2)


def test_a_trait_says_who_said_it_and_when(acme: TestClient, held: FakeStores):
    """A producer that named no source is nobody; what was known before it was kept has no provenance."""
    held.traits[TENANT, "ada"].append(StoredTrait("plan", "pro", "", TUESDAY))
    profile = acme.get("/v1/leads/ada").json()["profile"]

    assert {"industry": "it", "plan": "pro", "size": 3.0} == profile["traits"]
    assert {
        "industry": {"value": "it", "source": "website", "at": "2026-03-02T09:00:00.000Z"},
        "plan": {"value": "pro", "source": None, "at": "2026-03-03T09:00:00.000Z"},
    } == profile["provenance"]


def test_of_what_several_ids_said_the_latest_counts(acme: TestClient, held: FakeStores):
    """Under whichever id of the lead; of one instant, what was said under its own."""
    held.aliases[TENANT, "b-1"] = "ada"
    held.traits[TENANT, "ada"].append(StoredTrait("plan", "free", "website", MONDAY))
    held.traits[TENANT, "b-1"] = [StoredTrait("industry", "retail", "hubspot", TUESDAY), StoredTrait("plan", "pro", "file", MONDAY)]
    profile = acme.get("/v1/leads/ada").json()["profile"]

    assert ("retail", "free") == (profile["traits"]["industry"], profile["traits"]["plan"])
    assert {"industry": "hubspot", "plan": "website"} == {name: trait["source"] for name, trait in profile["provenance"].items()}
