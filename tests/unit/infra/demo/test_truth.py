"""Published propensities against the true ones."""

import numpy as np
import pytest

from infra.demo.truth import expected_auc, latest_truths, nearness
from models.journeys.simulator import Step
from tests.builders import viewed_page, won


def by_pairs(scores: list[float], truths: list[float]) -> float:
    """The definition, pair by pair."""
    ordered = total = 0.0
    for i, (score, truth) in enumerate(zip(scores, truths, strict=True)):
        for j, (other_score, other_truth) in enumerate(zip(scores, truths, strict=True)):
            if i != j:
                weight = truth * (1 - other_truth)
                total += weight
                ordered += weight * (1.0 if score > other_score else 0.5 if score == other_score else 0.0)
    return ordered / total


@pytest.mark.parametrize(
    ("scores", "truths"),
    [([0.9, 0.2, 0.4], [0.8, 0.1, 0.3]), ([0.1, 0.1, 0.7, 0.7], [0.3, 0.6, 0.2, 0.9]), ([0.2, 0.1], [0.0, 1.0])],
    ids=["in order", "ties", "the wrong way round"],
)
def test_the_expected_auc_is_the_mean_over_all_pairs(scores: list[float], truths: list[float]):
    """Sorting gives what counting every pair gives."""
    assert pytest.approx(by_pairs(scores, truths)) == expected_auc(np.array(scores), np.array(truths))


def test_nobody_beats_the_truth():
    """The truth's own AUC is the best; published propensities that are the truth reach it."""
    true = {"ada": 0.9, "bob": 0.2, "eve": 0.4}
    near = nearness({"ada": 0.5, "bob": 0.6, "eve": 0.1, "unknown": 0.5}, true)
    same = nearness(true, true)

    assert near is not None
    assert same is not None
    assert (3, True, same.best_auc, 0.0) == (near.leads, near.auc < near.best_auc, same.auc, same.error)


def test_leads_that_are_all_certain_have_no_order():
    """Without a pair of which one may convert and the other not, there is nothing to say."""
    assert nearness({"ada": 0.5, "bob": 0.6}, {"ada": 0.0, "bob": 0.0}) is None


def test_the_last_event_tells_the_truth_that_counts():
    """An outcome is no event: what was true before it is what could be published."""
    steps = [Step(viewed_page("ada"), 0.2), Step(viewed_page("ada"), 0.6), Step(won("ada"), 1.0)]

    assert {"ada": 0.6} == latest_truths(steps)
