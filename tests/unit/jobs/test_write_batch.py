"""What store_results does around the writer."""

import pytest

from jobs.operators.wall_clock import now_ms
from jobs.operators.write_batch import check_record, key_of
from schemas.errors import PoisonRecordError
from schemas.ids import Millis
from schemas.policy import DAY_MS
from tests.builders import won
from tests.results import a_metric, a_model, a_push, a_score, an_enriched


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (a_score(), b"acme|ada"),
        (an_enriched(), b"acme|ada"),
        (won(), b"acme|ada"),
        (a_metric(), b"acme"),
        (a_model(7), b"acme|7"),
        (a_push(), b"acme|ada"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_no_table_holds_keeps_its_key(value, key):
    """The key of the record it came in: a dead letter can be sent back to its lane."""
    assert key == key_of(value)


def test_an_outcome_is_refused_here_if_scoring_refuses_it():
    """By the day it arrived on, however long it waited; one that arrives in the future is refused by both."""
    ahead = won(at=Millis(now_ms() + 2 * DAY_MS))
    waited = won()._replace(occurred_at=Millis(won().received_at + 2 * DAY_MS))

    for outcome in (ahead, waited, won(received_at=Millis(0))):
        with pytest.raises(PoisonRecordError, match=r"year 2000|more than a day"):
            check_record(outcome, key_of(outcome))
    check_record(won(), b"acme|ada")
