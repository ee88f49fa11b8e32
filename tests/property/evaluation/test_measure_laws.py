"""Laws of the measures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.evaluation.measures import BINS, auc, brier, calibration, ece, log_losses

PROPENSITIES = arrays.arrays(
    np.float64, st.integers(1, 60), elements=st.sampled_from([0.0, 1e-9, 0.2, 1 / 3, 0.5, 0.75, 0.999, 1.0]) | st.floats(0, 1)
)


@st.composite
def judged(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Propensities, many of them equal, and labels."""
    propensities = draw(PROPENSITIES)
    return propensities, draw(arrays.arrays(np.bool_, len(propensities)))


def every_pair(propensities: np.ndarray, converted: np.ndarray, weights: np.ndarray) -> float | None:
    """The definition, in n² steps."""
    won = total = 0.0
    for i in np.flatnonzero(converted):
        for j in np.flatnonzero(~converted):
            pair = weights[i] * weights[j]
            total += pair
            won += pair * (1.0 if propensities[i] > propensities[j] else 0.5 if propensities[i] == propensities[j] else 0.0)
    return won / total if total else None


@given(judged(), st.randoms(use_true_random=False))
def test_the_auc_is_that_of_every_pair(points: tuple[np.ndarray, np.ndarray], random):
    """With ties, and with points that count several times or not at all, as a bootstrap draws them."""
    propensities, converted = points
    weights = np.array([float(random.randint(0, 3)) for _ in converted])

    assert pytest.approx(every_pair(propensities, converted, np.ones(len(weights)))) == auc(propensities, converted)
    assert pytest.approx(every_pair(propensities, converted, weights)) == auc(propensities, converted, weights)


@given(judged())
def test_the_other_side_has_the_other_auc(points: tuple[np.ndarray, np.ndarray]):
    """Exchanging the labels turns an AUC into one less it."""
    propensities, converted = points
    one, other = auc(propensities, converted), auc(propensities, ~converted)

    assert (one is None and other is None) or pytest.approx(1.0) == (one or 0.0) + (other or 0.0)


@given(judged())
def test_measures_are_finite_and_within_their_ranges(points: tuple[np.ndarray, np.ndarray]):
    """Whatever the propensities, 0 and 1 among them."""
    losses = log_losses(*points)

    assert np.isfinite(losses).all()
    assert (losses >= 0.0).all()
    assert 0.0 <= brier(*points) <= 1.0
    assert 0.0 <= ece(*points) <= 1.0 + 1e-12


@given(judged())
def test_the_calibration_table_counts_every_point_once(points: tuple[np.ndarray, np.ndarray]):
    """In the bin where it belongs, 1 in the last one."""
    table = calibration(*points)

    assert len(points[0]) == sum(one.points for one in table)
    assert all(one.low - 1e-12 <= one.predicted <= one.high + 1e-12 for one in table)
    assert pytest.approx(points[1].sum()) == math.fsum(one.converted * one.points for one in table)
    assert len(table) <= BINS
