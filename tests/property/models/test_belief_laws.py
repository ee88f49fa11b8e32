"""Laws of the second-order expert: it is a posterior, it stays one, and features that say the same share what they teach."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.belief import BIAS_VARIANCE, PLACES, VARIANCE, WANDER, give_places, no_gains, revise, settle, unsure

FEATURES = 6
labels = st.lists(st.tuples(st.lists(st.floats(-5.0, 5.0), min_size=FEATURES, max_size=FEATURES), st.booleans()), min_size=1, max_size=40)


def believe(
    rows: list[list[float]], converted: list[bool], *, start: float = 0.0, settled: frozenset[int] = frozenset()
) -> tuple[np.ndarray, np.ndarray]:
    """The belief after labels about a bias and FEATURES features, brought up to date before some of the labels."""
    size = 1 + FEATURES
    mean, covariance, slots = np.zeros(size), unsure(size, 1), np.arange(1, size + 1).astype(np.int16)
    gains, taken = no_gains(size)
    for number, (row, label) in enumerate(zip(rows, converted, strict=True)):
        if number in settled:
            settle(covariance, gains, taken, size)
        columns = np.where(np.array([1.0, *row]) != 0.0, np.arange(size), -1)  # what a vector does not say it does not call on
        revise(mean, covariance, gains, taken, size, slots, columns, np.array([1.0, *row]), size, 0, 1, float(label), start)
    settle(covariance, gains, taken, size)
    return mean, covariance


@given(labels)
def test_the_covariance_stays_one(taught: list[tuple[list[float], bool]]):
    """Symmetric to the bit, without a negative direction, and never less sure of a weight than in the beginning."""
    mean, covariance = believe([row for row, _ in taught], [label for _, label in taught])

    assert np.isfinite(mean).all()
    assert (covariance == covariance.T).all()
    assert np.linalg.eigvalsh(covariance.astype(np.float64)).min() > -1e-5
    assert (np.diag(covariance)[1:] <= VARIANCE + WANDER + 1e-6).all()


@given(st.lists(st.floats(-5.0, 5.0), min_size=FEATURES, max_size=FEATURES), st.booleans())
def test_one_label_moves_the_belief_as_bayes_would_have_it(row: list[float], label: bool):
    """For the first label the step is the one of the textbook, written with matrices."""
    x, prior = np.array([1.0, *row]), np.diag([BIAS_VARIANCE] + [VARIANCE] * FEATURES)
    posterior = np.linalg.inv(np.linalg.inv(prior) + 0.25 * np.outer(x, x))
    mean, covariance = believe([row], [label])

    assert pytest.approx(posterior @ x * (label - 0.5), abs=1e-4) == mean
    assert np.allclose(posterior, covariance, atol=1e-4)


@given(labels, st.frozensets(st.integers(0, 39)))
def test_when_the_covariance_is_brought_up_to_date_changes_nothing(taught: list[tuple[list[float], bool]], settled: frozenset[int]):
    """Not a bit: a state that is written between two labels goes on as one that is not."""
    rows, converted = [row for row, _ in taught], [label for _, label in taught]
    mean, covariance = believe(rows, converted, settled=frozenset(range(40)))
    other_mean, other_covariance = believe(rows, converted, settled=settled)

    assert mean.tobytes() == other_mean.tobytes()
    assert covariance.tobytes() == other_covariance.tobytes()


def test_features_that_say_the_same_share_what_they_teach():
    """Two copies of a feature are together about as heavy as it is alone; regressions that teach each by itself make them twice as heavy."""
    rng = np.random.default_rng(1)
    said = rng.choice([-1.0, 1.0], 300)
    converted = (rng.random(300) < 1.0 / (1.0 + np.exp(-said))).tolist()
    alone, _ = believe([[one, 0.0, 0.0, 0.0, 0.0, 0.0] for one in said], converted)
    copied, _ = believe([[one, one, 0.0, 0.0, 0.0, 0.0] for one in said], converted)

    assert copied[1] == pytest.approx(copied[2])
    assert copied[1] + copied[2] == pytest.approx(alone[1], abs=0.1)


def test_places_go_to_features_first_met():
    """And never to more than there is room for."""
    slots = np.zeros(PLACES + 10, np.int16)
    few = give_places(slots, np.array([-1, 0, 2]), 3, 0)
    all_places = give_places(slots, np.arange(PLACES + 10), PLACES + 10, few)

    assert (2, PLACES) == (few, all_places)
    assert [1, 3, 2, 4] == slots[:4].tolist()
    assert slots.max() == PLACES
