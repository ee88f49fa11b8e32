"""A person's word on a lead's grade: given, shown, listed, taken back, expired."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from schemas.crm_link import DELETED, CrmLink
from schemas.errors import RetriableError
from tests.builders import FRIDAY, MONDAY, TENANT, later
from tests.results import FakeStores, a_push

GIVEN = {"grade": "A1", "reason": "met at the fair", "by": "sales-lead", "expires_at": "2026-03-20T09:00:00Z"}
PATH = "/v1/leads/ada/override"


def test_an_override_stands_beside_the_computed_score(acme: TestClient, globex: TestClient):
    """The grade to act on is the person's; the score is as it was; another tenant knows nothing of it."""
    before = acme.get("/v1/leads/ada").json()
    given = acme.put(PATH, json=GIVEN)
    lead = acme.get("/v1/leads/ada").json()

    assert (200, "A1", True) == (given.status_code, given.json()["grade"], given.json()["is_standing"])
    assert ("B1", None, "A1", "A1") == (before["grade"], before["override"], lead["grade"], lead["override"]["grade"])
    assert before["score"] == lead["score"]
    assert ("met at the fair", "sales-lead", "api", "2026-03-06T09:00:00.000Z") == tuple(
        lead["override"][name] for name in ("reason", "by", "source", "decided_at")
    )
    assert 404 == globex.put(PATH, json=GIVEN).status_code


def test_an_override_expires_by_time(acme: TestClient, app: Any):
    """The computed grade counts again; what was decided is still shown."""
    acme.put(PATH, json=GIVEN)
    app.state.clock = lambda: later(FRIDAY, days=15)
    lead = acme.get("/v1/leads/ada").json()

    assert ("B1", "A1", False) == (lead["grade"], lead["override"]["grade"], lead["override"]["is_standing"])


def test_an_override_is_taken_back_once(acme: TestClient):
    """By whom and why; there is nothing to take back then."""
    acme.put(PATH, json=GIVEN)
    revoked = acme.delete(PATH, params={"by": "ops", "reason": "called off"})

    assert (200, None, "ops") == (revoked.status_code, revoked.json()["grade"], revoked.json()["by"])
    assert "B1" == acme.get("/v1/leads/ada").json()["grade"]
    assert (404, "urn:prox:problem:no-override") == ((again := acme.delete(PATH, params={"by": "ops"})).status_code, again.json()["type"])


def test_every_decision_is_listed(acme: TestClient, globex: TestClient, app: Any):
    """Of a lead and of all, newest first, page by page; nothing is overwritten."""
    for day, (lead, grade) in enumerate([("ada", "A1"), ("bob", "D3"), ("ada", "C2")]):
        app.state.clock = lambda day=day: later(FRIDAY, days=day)
        acme.put(f"/v1/leads/{lead}/override", json=GIVEN | {"grade": grade})
    first = acme.get("/v1/overrides?limit=2").json()
    rest = acme.get(f"/v1/overrides?limit=2&cursor={first['next']}").json()

    assert ["C2", "D3", "A1"] == [item["grade"] for item in first["items"] + rest["items"]]
    assert ["C2", "A1"] == [item["grade"] for item in acme.get("/v1/leads/ada/overrides").json()["items"]]
    assert ["D3"] == [item["grade"] for item in acme.get("/v1/overrides?from=2026-03-07T00:00:00Z&to=2026-03-08T00:00:00Z").json()["items"]]
    assert [] == globex.get("/v1/overrides").json()["items"]
    assert 404 == acme.get("/v1/leads/nil/overrides").status_code


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"grade": "A4"}, 422),
        ({"grade": ""}, 422),
        ({"reason": ""}, 422),
        ({"reason": "two\nlines"}, 422),
        ({"by": None}, 422),
        ({"expires_at": "2026-03-06T09:00:00Z"}, 422),
        ({"expires_at": "2027-03-08T09:00:00Z"}, 422),
        ({"expires_at": "2026-03-20T09:00:00"}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_a_wrong_override_is_refused(acme: TestClient, held: FakeStores, wrong: dict[str, Any], status: int):
    """A grade, a reason, somebody who answers for it, and an end: all of them."""
    answer = acme.put(PATH, json=GIVEN | wrong)

    assert (status, []) == (answer.status_code, held.overrides)
    assert "application/problem+json" == answer.headers["content-type"]


def test_nothing_is_answered_before_the_log_has_it(acme: TestClient, held: FakeStores, app: Any):
    """503 and nothing decided."""

    class Away:
        def decide(self, _: object) -> None:
            raise RetriableError("Kafka is away")

    app.state.decisions = Away()
    answer = acme.put(PATH, json=GIVEN)

    assert (503, []) == (answer.status_code, held.overrides)


def test_both_sides_are_shown_with_when_they_were_last_in_step(acme: TestClient, held: FakeStores):
    """By the grade that people are to act on: an override that the CRM does not show yet is out of step."""
    shown = {one["crm"]: one for one in acme.get("/v1/leads/ada").json()["crm"]}
    held.links.append(CrmLink(TENANT, "ada", "hubspot", "501", DELETED, MONDAY))
    held.pushes.append(a_push("ada", sequence=9, crm="hubspot", status="refused"))
    acme.put(PATH, json=GIVEN)
    lead = acme.get("/v1/leads/ada").json()
    now = {one["crm"]: one for one in lead["crm"]}

    assert (True, False) == (shown["salesforce"]["in_step"], now["salesforce"]["in_step"])
    assert ("refused", shown["hubspot"]["last_in_step_at"]) == (now["hubspot"]["status"], now["hubspot"]["last_in_step_at"])
    assert [("hubspot", "501", "deleted")] == [(link["crm"], link["record"], link["state"]) for link in lead["links"]]
