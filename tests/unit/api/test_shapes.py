import pytest

from api.examples import example_of
from api.shapes import MetricPublic, ProfilePublic, ScorePublic, instant
from connectors.cassandra.profiles import StoredProfile
from schemas.event import Person
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import MONDAY, later
from tests.results import a_metric, a_score


def test_instants_are_iso_8601_to_the_millisecond_in_utc():
    """The same form everywhere, whatever the fraction."""
    shape = ScorePublic.of(a_score(at=MONDAY + 120), TenantPolicy())

    assert "2026-03-02T09:00:00.120Z" == shape.model_dump(mode="json")["as_of"]
    assert instant(MONDAY + 120).tzinfo is not None


def test_a_score_says_when_and_why_in_words():
    """A date within the window, a probability for each of its days, and what each reason says of the lead."""
    score = a_score(at=MONDAY, propensity=0.5, reason_features=["gap", "no city"], reason_values=[4.2904594, 0.0], converted_by=[0.5] * 5, evidence=7)
    shape = ScorePublic.of(score, TenantPolicy())
    assert shape.conversion is not None

    assert ["silent for 3 days before", "city is not known"] == [reason.words for reason in shape.reasons]
    assert (instant(later(MONDAY, hours=12)), [0.5] * 30, 7) == (shape.conversion.expected_at, shape.conversion.by_day, shape.evidence)


@pytest.mark.parametrize(("converted_by", "window_ms"), [([], DAY_MS), ([0.4], 30 * DAY_MS), ([0.1] * 5, None)])
def test_a_score_of_another_window_has_no_date(converted_by: list[float], window_ms: int | None):
    """Nor has one from before scores told it; its reasons have no words then."""
    shape = ScorePublic.of(a_score(converted_by=converted_by), TenantPolicy(window_ms=window_ms))

    assert (None, [None, None]) == (shape.conversion, [reason.words for reason in shape.reasons])


def test_a_metric_that_is_not_defined_yet_is_null():
    """JSON has no NaN."""
    assert MetricPublic.of(a_metric(value=float("nan"))).model_dump(mode="json")["value"] is None


def test_an_ip_address_is_not_shown():
    """It helps nobody who calls, so it stays in the store."""
    profile = StoredProfile("account-7", {}, {}, {}, Person("pat@example.com", None, "Pat", "192.0.2.1"), MONDAY, MONDAY)

    assert "192.0.2.1" not in ProfilePublic.of(profile, []).model_dump_json()


def test_a_field_without_an_example_is_found_when_the_document_is_made():
    """So no route can be documented without one."""
    with pytest.raises(ValueError, match="without an example"):
        example_of({"type": "string", "title": "Nameless"}, {})
