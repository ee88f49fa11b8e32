"""Metric names follow Prometheus' rules and ours."""

import re

import pytest

from infra.telemetry import MetricName, Tag


@pytest.mark.parametrize("name", MetricName)
def test_a_metric_is_named_for_a_noun_and_its_unit(name: MetricName) -> None:
    """`prox_<noun>_<unit>[_total]`, in seconds and bytes, not in thousandths of them."""
    assert re.fullmatch(r"prox(_[a-z]+)+", name)
    assert not re.search(r"_(ms|millis|milliseconds|kb|mb)(_|$)", name)


def test_no_tag_names_a_lead() -> None:
    """A tag with a value for each lead would break the metrics store and name a person."""
    assert {"lead", "lead_id", "email", "event_id"}.isdisjoint(Tag)
