import pytest
from fastapi.testclient import TestClient

from api.problems import Problem
from schemas.errors import FatalError, RetriableError
from tests.results import FakeStores


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/leads?cursor=zzz", 400),
        ("GET", "/v1/leads/ada/scores?cursor=%00", 400),
        ("GET", "/v1/leads/nobody", 404),
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/leads", 405),
        ("GET", "/v1/leads?limit=0", 422),
        ("GET", "/v1/leads?grade=E", 422),
        ("GET", "/v1/leads?order=name", 422),
        ("GET", "/v1/leads?gradde=A", 422),
        ("GET", "/v1/metrics?name=auc&name=ece", 422),
        ("GET", "/v1/models?limit=1&limit=1", 422),
        ("GET", "/v1/leads/ada/scores?from=2026-03-02T09:00:00", 422),
        ("GET", "/v1/leads/ada/events?to=yesterday", 422),
    ],
)
def test_every_error_is_a_problem(acme: TestClient, method: str, path: str, status: int):
    """Of one shape, with the status and the path it is about."""
    answer = acme.request(method, path)
    problem = Problem.model_validate(answer.json())

    assert "application/problem+json" == answer.headers["content-type"]
    assert (status, status, answer.request.url.path) == (answer.status_code, problem.status, problem.instance)


@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": "wrong"}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YWNtZTprZXk="}])
@pytest.mark.parametrize("path", ["/v1/leads", "/v1/leads/ada", "/v1/models", "/v1/metrics", "/v1/leads?limit=0"])
def test_nobody_asks_without_a_key(stranger: TestClient, headers: dict[str, str], path: str):
    """401 says how to authenticate, and says it before anything else is looked at."""
    answer = stranger.get(path, headers=headers)

    assert 401 == answer.status_code
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_method_that_is_not_allowed_names_those_that_are(acme: TestClient):
    """405 carries Allow."""
    assert "GET" == acme.delete("/v1/models").headers["allow"]


def test_all_that_is_wrong_is_said_at_once(acme: TestClient):
    """Two mistakes, two errors."""
    problem = acme.get("/v1/leads?limit=0&grade=E").json()

    assert ["limit", "grade.0"] == [error["parameter"] for error in problem["errors"]]


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/leads/ada", "/v1/leads/ada/scores", "/v1/models", "/v1/metrics", "/health/ready"])
def test_a_store_that_is_away_is_a_503_that_says_when_to_ask_again(acme: TestClient, held: FakeStores, path: str):
    """The caller is told to wait, and nothing of what is below."""
    held.failure = RetriableError("NoHostAvailable 10.0.0.7:9042")
    answer = acme.get(path)

    assert (503, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert int(answer.headers["retry-after"]) > 0
    assert "10.0.0.7" not in answer.text


def test_a_failure_of_ours_shows_nothing_of_itself(acme: TestClient, held: FakeStores):
    """500 is a problem too, without the error's text."""
    held.failure = FatalError("table secrets_by_lead is missing")
    answer = acme.get("/v1/leads")

    assert (500, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert "secrets" not in answer.text


def test_a_process_is_live_while_its_store_is_away(stranger: TestClient, held: FakeStores):
    """Restarting the API does not mend Cassandra."""
    held.failure = RetriableError("away")

    assert [200, 503] == [stranger.get(f"/health/{what}").status_code for what in ("live", "ready")]
