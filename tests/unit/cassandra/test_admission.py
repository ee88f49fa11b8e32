import pytest

from connectors.cassandra.admission import check
from schemas.errors import PoisonRecordError
from tests.builders import won
from tests.results import a_metric, a_model, a_score, an_enriched


@pytest.mark.parametrize("value", [a_score(), an_enriched(), won(), a_metric(), a_model()], ids=lambda v: type(v).__name__)
def test_a_result_of_every_kind_is_let_in(value):
    """What the jobs publish is stored."""
    check(value)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (a_score(propensity=0.5)._replace(propensity=float("nan")), "propensity"),
        (a_score()._replace(propensity=1.5), "propensity"),
        (a_score(grade="Z9"), "grade"),
        (a_score(account_id=""), "account_id"),
        (a_score()._replace(as_of=-1), "as_of"),
        (an_enriched("x" * 70_000), "lead"),
        (an_enriched(event_id=""), "event_id"),
        (won(received_at=1 << 60), "received_at"),
        (a_metric(tenant=""), "tenant"),
        (a_model(at=1 << 42), "as_of"),
    ],
)
def test_what_no_table_can_hold_is_refused_by_name(value, named):
    """The message names the field, so that a person can mend the producer."""
    with pytest.raises(PoisonRecordError, match=named) as caught:
        check(value)

    assert "x" * 100 not in str(caught.value)
