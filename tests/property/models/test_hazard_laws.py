"""Laws of the hazard learner: order means nothing, absurd input does no harm, a pool is a beginning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.registry import WIDTH
from models.features.vector import PATTERN_MODEL, FeatureVector, categorical_id, numeric_id
from models.learning.hazard_learner import HazardLearner
from models.learning.hazard_model import ATTRIBUTES, COLUMNS, EXPERTS, model_from_bytes
from models.scorer import score
from schemas.example import MaturedExample
from schemas.ids import Millis


def vector_of(ids: list[int], values: list[float]) -> FeatureVector:
    return FeatureVector(np.zeros(WIDTH, np.float32), np.array(ids, np.uint64), np.array(values, np.float32))


def lesson(vector: FeatureVector, number: int, *, is_converted: bool) -> MaturedExample:
    now = Millis(number)
    hazards = [0.2] * EXPERTS
    return MaturedExample("acme", f"lead-{number}", "e", 1, now, now, 0, 0, is_converted, True, 0.2, hazards, 1, vector.to_bytes())


def propensity(learner: HazardLearner, vector: FeatureVector) -> float:
    scored = score(learner.model(), vector.dense.reshape(1, -1), vector.ids, vector.values, np.array([len(vector.ids)]))
    return float(scored.propensity[0])


def taught(n: int, *, with_base: bool = False) -> HazardLearner:
    """A learner that knows that who has plan pro converts."""
    learner = HazardLearner(prior=0.15, intervals=1)
    for i in range(n):
        is_pro = i % 3 == 0
        ids = [categorical_id("plan", "pro" if is_pro else "free"), numeric_id("amount"), *([PATTERN_MODEL] if with_base else [])]
        learner.learn(lesson(vector_of(ids, [1.0, i % 7, 2.0 if is_pro else -2.0][: len(ids)]), i, is_converted=is_pro))
    return learner


PRO = vector_of([categorical_id("plan", "pro")], [1.0])


@given(st.permutations(range(6)), st.lists(st.floats(-50.0, 50.0, width=32), min_size=3, max_size=3))
def test_the_order_of_features_means_nothing(order: list[int], numbers: list[float]):
    """A vector in another order teaches the same, and is scored the same, to the bit."""
    ids = np.array([categorical_id(f"word_{i}", "yes") for i in range(3)] + [numeric_id(f"number_{i}") for i in range(3)], np.uint64)
    straight = vector_of(ids.tolist(), [1.0, 1.0, 1.0, *numbers])
    shuffled = FeatureVector(straight.dense, straight.ids[order], straight.values[order])
    one, other = (HazardLearner(prior=0.15, intervals=1) for _ in range(2))
    for i in range(3):
        one.learn(lesson(straight, i, is_converted=i == 1))
        other.learn(lesson(shuffled, i, is_converted=i == 1))

    assert (one.to_bytes(), propensity(one, straight)) == (other.to_bytes(), propensity(other, shuffled))


@given(st.lists(st.floats(width=32), min_size=3, max_size=3))
def test_absurd_numbers_are_learned_without_harm(numbers: list[float]):
    """NaN says nothing, infinity is far; the model stays one that may be published."""
    learner = taught(30)
    ids = [numeric_id("amount"), numeric_id("other"), PATTERN_MODEL]
    learner.learn(lesson(vector_of(ids, numbers), 99, is_converted=True))
    read = model_from_bytes(learner.model().to_bytes())

    assert 0.0 < propensity(learner, vector_of(ids, numbers)) < 1.0
    assert learner.model().to_bytes() == read.to_bytes()


def test_what_can_grow_is_bounded():
    """A category with very many values and thousands of attributes cost what the limits say."""
    learner = HazardLearner(prior=0.15, intervals=1)
    for i in range(1_500):
        learner.learn(lesson(vector_of([categorical_id("session", str(i)), numeric_id(f"n{i}")], [1.0, 1.0]), i, is_converted=i % 5 == 0))
    model = learner.model()

    assert len(model.attributes) <= ATTRIBUTES
    assert len(model.keys) <= COLUMNS
    assert len(model.keys) < 1_000 + 64 + 5 * ATTRIBUTES


def test_a_new_tenant_begins_where_the_pool_ended():
    """With the pool's opinions, no evidence of its own, and free to change its mind."""
    learner = HazardLearner.from_pool(taught(300).model(), prior=0.15)
    before = propensity(learner, PRO)
    for i in range(200):
        learner.learn(lesson(PRO, i, is_converted=False))

    assert 0 == HazardLearner.from_pool(taught(300).model(), prior=0.15).model().evidence
    assert pytest.approx(propensity(taught(300), PRO), rel=0.01) == before
    assert propensity(learner, PRO) < 0.5 * before


def test_a_tenant_with_only_silence_sinks_below_its_prior():
    """But not to 0."""
    learner = HazardLearner(prior=0.15, intervals=1)
    for i in range(300):
        learner.learn(lesson(PRO, i, is_converted=False))

    assert 0.0 < propensity(learner, PRO) < 0.15


def test_a_base_that_knows_gets_a_share():
    """Where a vector carries its logit, it counts."""
    learner = taught(300, with_base=True)
    sure, unsure = (vector_of([PATTERN_MODEL], [logit]) for logit in (2.0, -2.0))

    assert learner.model().base_share > 0.2
    assert propensity(learner, sure) > 0.5 > propensity(learner, unsure)
