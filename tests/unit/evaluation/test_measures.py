"""Measures by hand, and the bootstrap's promise."""

import numpy as np
import pytest

from models.evaluation.bootstrap import LeadBootstrap
from models.evaluation.measures import auc, brier, calibration, ece, log_losses

PROPENSITIES = np.array([0.02, 0.04, 0.5, 0.52, 1.0])
CONVERTED = np.array([False, True, False, True, True])


def test_the_calibration_error_by_hand():
    """Three of 15 bins hold points: |.06 - 1| + |1.02 - 1| + |1 - 1|, by five points."""
    assert pytest.approx((0.94 + 0.02) / 5) == ece(PROPENSITIES, CONVERTED)


def test_the_calibration_table_by_hand():
    """Bounds in fifteenths, points, mean propensity, share converted."""
    assert [
        pytest.approx((0, 1 / 15, 2, 0.03, 0.5)),
        pytest.approx((7 / 15, 8 / 15, 2, 0.51, 0.5)),
        pytest.approx((14 / 15, 1, 1, 1, 1)),
    ] == calibration(PROPENSITIES, CONVERTED)


def test_log_loss_and_brier_by_hand():
    """Of a propensity of 1/4: ln 4 if it converted, ln 4/3 if not."""
    quarter = np.array([0.25, 0.25])

    assert pytest.approx([np.log(4), np.log(4 / 3)]) == log_losses(quarter, np.array([True, False])).tolist()
    assert pytest.approx((0.5625 + 0.0625) / 2) == brier(quarter, np.array([True, False]))


def test_no_pairs_have_no_auc():
    """Not 0, not 0.5: there is none."""
    assert auc(PROPENSITIES, np.ones(5, np.bool_)) is None


def made_points(seed: int, leads: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Leads of one to nine points that share one label; our propensity is off by a third of the noise of the other's, by lead."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(leads), rng.integers(1, 10, leads))
    truth = rng.uniform(0.1, 0.9, leads)
    label = rng.random(leads) < truth
    ours, other = (np.clip(truth + rng.normal(0, noise, leads), 0.02, 0.98) for noise in (0.05, 0.15))
    return of, label[of], ours[of], other[of]


def test_the_interval_covers_the_true_difference_as_often_as_it_says():
    """Of 100 made samples about 95 intervals hold the difference that 40,000 leads show; points of a lead are not independent."""
    of, label, ours, other = made_points(0, leads=40_000)
    truth = float((log_losses(ours, label) - log_losses(other, label)).mean())
    covered = 0
    for seed in range(1, 101):
        of, label, ours, other = made_points(seed)
        interval = LeadBootstrap(of, label).difference(ours, other).log_loss
        covered += interval.low <= truth <= interval.high

    assert 88 <= covered <= 99


def test_a_model_does_not_differ_from_itself():
    """Zero, and an interval of no width."""
    of, label, ours, _ = made_points(3)
    difference = LeadBootstrap(of, label).difference(ours, ours)

    assert ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)) == (difference.auc, difference.log_loss)


def test_the_better_model_is_certainly_better_on_many_leads():
    """A positive AUC difference, a negative one of log loss, no doubt of either."""
    of, label, ours, other = made_points(4, leads=3_000)
    difference = LeadBootstrap(of, label).difference(ours, other)

    assert difference.auc is not None
    assert difference.auc.low > 0.0 > difference.log_loss.high
    assert difference.auc.is_certain


def test_where_nobody_converted_there_is_no_auc_to_differ():
    """The log loss differs all the same."""
    of, label, ours, other = made_points(5)
    difference = LeadBootstrap(of, np.zeros(len(label), np.bool_)).difference(ours, other)

    assert difference.auc is None
    assert np.isfinite(difference.log_loss).all()
