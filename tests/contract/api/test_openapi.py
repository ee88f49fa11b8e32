import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from api.examples import example_of
from api.shapes import LeadPublic
from tests.builders import TENANT
from tests.contract.api.conftest import KEYS

EXCLUDED = [
    positive_data_acceptance,  # a cursor of any text is of the right type, and still a 400
    ignored_auth,  # it cannot know the key that is sent here; test_problems.py tries wrong ones
]
OPERATIONS = (
    *("/v1/leads", "/v1/leads/{lead}", "/v1/leads/{lead}/scores", "/v1/leads/{lead}/events", "/v1/leads/{lead}/overrides"),
    *("/v1/accounts/{account}", "/v1/accounts/{account}/leads"),
    *("/v1/overrides", "/v1/models", "/v1/metrics", "/v1/crm/status"),
)
CHANGING = (("/v1/leads/{lead}/override", "PUT"), ("/v1/leads/{lead}/override", "DELETE"))


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), [*((path, "GET") for path in OPERATIONS), *CHANGING])
def test_the_document_tells_the_truth(app: FastAPI, path: str, method: str, mode: GenerationMode):
    """Whatever is asked, right or wrong, the answer has a status, a media type and a shape that the document names."""
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def tried(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"X-Api-Key": KEYS[TENANT]}, excluded_checks=EXCLUDED)

    tried()


def test_every_route_shows_an_example_and_its_problems(app: FastAPI):
    """A reader sees an answer before asking."""
    for path, operations in app.openapi()["paths"].items():
        for operation in operations.values():
            assert "example" in operation["responses"]["200"]["content"]["application/json"]
            assert not path.startswith("/v1/") or {"401", "422", "503"} <= set(operation["responses"])


def test_an_example_is_an_answer(app: FastAPI):
    """Examples are read by the shapes they illustrate."""
    schemas = app.openapi()["components"]["schemas"]

    assert "lead-42" == LeadPublic.model_validate(example_of(schemas["LeadPublic"], schemas)).lead
