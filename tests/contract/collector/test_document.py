from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance, unsupported_method

from tests.collector import KEY, Desk, key_table

PATHS = {
    "POST": ("/v1/batch", "/v1/track", "/v1/identify", "/v1/events", "/v1/cloudevents", "/v1/webhooks", "/com.snowplowanalytics.snowplow/tp2"),
    "GET": ("/i", "/pixel/v1/page", "/v1/projects/{key}/settings"),
}
"""One path for each way to read a request: the others are the same route."""
EXCLUDED = [
    positive_data_acceptance,  # an event without a lead is of the right type, and still a 400
    negative_data_rejection,  # events are judged one by one: a bad one in a batch is a dead letter, and the batch a 200
    ignored_auth,  # it cannot know the key that is sent here; test_segment.py tries wrong ones
    unsupported_method,  # OPTIONS is answered: browsers ask before they send
]


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), [(path, method) for method, paths in PATHS.items() for path in paths])
def test_the_document_tells_the_truth(tmp_path: Path, path: str, method: str, mode: GenerationMode):
    """Whatever is sent, right or wrong, the answer has a status, a media type and a shape that the document names; never a 500."""
    desk = Desk(tmp_path, key_table(more='hosts = ["collect.acme.example", "localhost"]'))
    operation = schemathesis.openapi.from_asgi("/openapi.json", desk.app)[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def tried(case: schemathesis.Case) -> None:
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, excluded_checks=EXCLUDED)
        assert answer.status_code < 500

    tried()
