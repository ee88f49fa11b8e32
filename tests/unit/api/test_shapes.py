import pytest

from api.examples import example_of
from api.shapes import MetricPublic, ProfilePublic, ScorePublic, instant
from connectors.cassandra.profiles import StoredProfile
from schemas.event import Person
from tests.builders import MONDAY
from tests.results import a_metric, a_score


def test_instants_are_iso_8601_to_the_millisecond_in_utc():
    """The same form everywhere, whatever the fraction."""
    shape = ScorePublic.of(a_score(at=MONDAY + 120))

    assert "2026-03-02T09:00:00.120Z" == shape.model_dump(mode="json")["as_of"]
    assert instant(MONDAY + 120).tzinfo is not None


def test_a_metric_that_is_not_defined_yet_is_null():
    """JSON has no NaN."""
    assert MetricPublic.of(a_metric(value=float("nan"))).model_dump(mode="json")["value"] is None


def test_an_ip_address_is_not_shown():
    """It helps nobody who calls, so it stays in the store."""
    profile = StoredProfile("account-7", {}, {}, {}, Person("pat@example.com", None, "Pat", "192.0.2.1"), MONDAY, MONDAY)

    assert "192.0.2.1" not in ProfilePublic.of(profile).model_dump_json()


def test_a_field_without_an_example_is_found_when_the_document_is_made():
    """So no route can be documented without one."""
    with pytest.raises(ValueError, match="without an example"):
        example_of({"type": "string", "title": "Nameless"}, {})
