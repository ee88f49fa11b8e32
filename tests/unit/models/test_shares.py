"""The last mix of the learner and the nightly base."""

import numpy as np
import pytest

from models.features.vector import PATTERN_MODEL
from models.learning.shares import APART, SHARES, USUAL_SHARE, Mix, base_logit, blame_shares, mix

LABELS = 4_000


def taught(*, own: float, base: float, truth: float, intervals: int = 1) -> Mix:
    """The mix after labels of leads whose logit is ±`truth`, of which the learner says ±`own` and the base ±`base`."""
    losses, rng = np.zeros(len(SHARES)), np.random.default_rng(1)
    for side in rng.choice([-1.0, 1.0], LABELS):
        label = float(rng.random() < 1.0 / (1.0 + np.exp(-side * truth)))
        blame_shares(losses, side * own, side * base, 0.0, intervals, label)
    return mix(losses, intervals, 0.0)


def test_before_any_label_the_base_has_its_usual_share():
    """And nothing is drawn away from a mean that nobody knows."""
    assert Mix(pytest.approx(USUAL_SHARE, abs=0.03), 1.0, 0.0) == mix(np.zeros(len(SHARES)), 1, None)


def test_averages_are_drawn_apart_but_not_where_labels_are_a_window_old():
    """By a tenth, around the mean."""
    nothing = np.zeros(len(SHARES))

    assert [pytest.approx(1.0 + APART), pytest.approx(1.0)] == [mix(nothing, intervals, -1.0).slope for intervals in (1, 5)]


def test_a_base_that_misleads_loses_its_share():
    """It says the opposite of what comes true."""
    assert taught(own=1.0, base=-1.0, truth=1.0).share < USUAL_SHARE / 3.0


def test_a_base_that_knows_better_gains():
    """More than the usual share, as far as shares go."""
    assert taught(own=0.0, base=2.0, truth=2.0).share > 0.45


@pytest.mark.parametrize(("said", "is_steeper"), [(0.5, True), (2.0, False)])
def test_the_slope_follows_what_came_true(said: float, is_steeper: bool):
    """Scores too near to the mean are drawn apart, scores too far from it held together."""
    assert is_steeper == (taught(own=said, base=said, truth=1.0, intervals=5).slope > 1.0)


def test_a_base_logit_that_is_no_number_is_none():
    """NaN and infinity say nothing; large ones are held."""
    ids = np.array([PATTERN_MODEL], np.uint64)
    said = [base_logit(ids, np.array([value], np.float32), 0, 1) for value in (np.nan, np.inf, 99.0, -2.0)]

    assert [True, True, False, False] == np.isnan(said).tolist()
    assert [30.0, -2.0] == said[2:]
