"""When a score is worth a push: what is told at once, and what waits for what follows."""

import pytest

from connectors.crm.contract import Answer, Answered, Limits, Verdict, revision_of
from connectors.crm.delivery.engine import Delivery
from connectors.crm.delivery.pending import DictPushStore
from connectors.crm.delivery.rules import FALL, GRADE, PushRules, Shown, cause_of
from schemas.score import LeadScore
from tests.builders import TENANT
from tests.results import a_score

RULES = PushRules(settle_ms=2_000, min_interval_ms=0, clear_fall=0.1, fall_settle_ms=300_000)
BEGINS_MS = 1_000_000


@pytest.mark.parametrize(
    ("grade", "propensity", "cause"),
    [
        ("C1", 0.24, FALL),
        ("B2", 0.30, FALL),
        ("C1", 0.27, FALL),
        ("C1", 0.19, GRADE),
        ("A1", 0.55, GRADE),
        ("A3", 0.31, GRADE),
    ],
)
def test_only_a_small_step_down_is_a_fall(grade: str, propensity: float, cause: str):
    """Of letter or digit, whatever the propensity did; whoever gets better or loses a tenth is told of at once."""
    assert cause == cause_of(_score(grade, propensity), Shown("r", "1", "B1", 0.30, 0), RULES)


def test_a_lead_that_falls_and_comes_back_is_not_pushed():
    """It stood on the line."""
    delivery = _showing("B1", 0.3)
    delivery.offer(_score("C1", 0.24, sequence=2), BEGINS_MS)
    delivery.offer(_score("B1", 0.28, sequence=3), BEGINS_MS + 200_000)

    assert [] == delivery.due(BEGINS_MS + 300_000)
    assert 0 == delivery.pending


def test_a_fall_that_lasts_is_pushed_as_it_is_then():
    """Minutes after it began, however often it was scored meanwhile."""
    delivery = _showing("B1", 0.3)
    for sequence in range(2, 8):
        delivery.offer(_score("C1", 0.25 - 0.005 * sequence, sequence=sequence), BEGINS_MS + (sequence - 2) * 50_000)
    early, (request,) = delivery.due(BEGINS_MS + 299_999), delivery.due(BEGINS_MS + 300_000)

    assert ([], [7]) == (early, [item.score.sequence for item in request.items])
    assert 1_000 == delivery.standing(BEGINS_MS + 301_000).oldest_ms


def test_what_becomes_urgent_while_it_falls_waits_no_longer():
    """A clear loss after a small one, or a rise above what is shown."""
    delivery = _showing("B1", 0.3)
    delivery.offer(_score("C1", 0.24, sequence=2), BEGINS_MS)
    delivery.offer(_score("D1", 0.08, sequence=3), BEGINS_MS + 10_000)
    (request,) = delivery.due(BEGINS_MS + 12_000)
    answered = Answered([Answer(Verdict.DONE, record="r")])

    assert [("grade", BEGINS_MS + 10_000)] == [
        (one.report.cause, one.report.due_since) for one in delivery.answered(request, answered, BEGINS_MS + 12_100)
    ]


def test_a_grade_that_a_person_gave_is_no_fall():
    """Nor is one that meets a request under way: it is pushed at once after it."""
    delivery = _showing("B1", 0.3)
    delivery.offer(_score("A1", 0.6, sequence=2), BEGINS_MS)
    (request,) = delivery.due(BEGINS_MS + 2_000)
    delivery.offer(_score("C1", 0.6, sequence=3), BEGINS_MS + 2_050, is_decided=True)
    delivery.answered(request, Answered([Answer(Verdict.DONE, record="r")]), BEGINS_MS + 2_100)
    (second,) = delivery.due(BEGINS_MS + 4_100)

    assert ["C1"] == [item.score.grade for item in second.items]


def _score(grade: str, propensity: float, *, sequence: int = 2) -> LeadScore:
    return a_score("ada", sequence=sequence, propensity=propensity, grade=grade)


def _showing(grade: str, propensity: float) -> Delivery:
    """An engine whose CRM shows the lead's first score so."""
    store = DictPushStore()
    store.show("ada", Shown("r", revision_of(_score(grade, propensity, sequence=1)), grade, propensity, 0))
    return Delivery(TENANT, "crm", limits=Limits(batch=1), rules=RULES, store=store, now=0)
