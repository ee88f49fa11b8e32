"""Laws of scoring with any model, of decay and of grades."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models import memory as m
from models.engine import STALE_AFTER_MS, VersionedModel
from models.features.registry import DENSE, WIDTH
from models.features.vector import PATTERN_MODEL, categorical_id, numeric_id
from models.grading import DIGIT_FROM, GRADES, LETTER_FROM, grade
from models.learning.hazard_model import HazardModel
from models.recompute import bases, propensities
from models.scorer import score
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import MONDAY, a_model, enriched, later, viewed_page
from tests.lane import Lane, Record, Tilted, in_batches, opinionated
from tests.property.models.stories import cuts, is_outcome, stories
from tests.property.models.test_encoding_laws import models

wild = arrays.arrays(np.float32, WIDTH, elements=st.floats(width=32))
probabilities = st.floats(0.0, 1.0)
grades = st.integers(-1, len(GRADES) - 1)


@given(models(), wild, st.lists(st.floats(width=32), min_size=4, max_size=4))
def test_a_propensity_is_a_probability_whatever_the_model(model: HazardModel, dense: np.ndarray, values: list[float]):
    """Absurd weights on absurd numbers still give a number in (0, 1), hazards too, and contributions that sum to its logit."""
    ids = np.array([PATTERN_MODEL, categorical_id("plan", "pro"), numeric_id("seconds_on_page"), numeric_id("unheard of")], np.uint64)
    scored = score(model, dense.reshape(1, -1), ids, np.array(values, np.float32), np.array([len(ids)]))
    logit = math.log(scored.propensity[0] / (1.0 - scored.propensity[0]))

    assert 0.0 < scored.propensity[0] < 1.0
    assert bool(((scored.hazards >= 0.0) & (scored.hazards <= 1.0)).all())
    assert abs(scored.baseline[0] + scored.reason_share[0].sum() + scored.rest[0] - logit) < 1e-6


@given(models(), wild)
def test_scoring_changes_neither_model_nor_vector(model: HazardModel, dense: np.ndarray):
    """A model is a value."""
    ids = model.attributes.astype(np.uint64) << np.uint64(32)
    before = (model.to_bytes(), dense.tobytes())
    score(model, dense.reshape(1, -1), ids, np.ones(len(ids), np.float32), np.array([len(ids)]))

    assert before == (model.to_bytes(), dense.tobytes())


@given(stories(), cuts)
def test_every_score_can_be_computed_again(records: list[Record], parts: list[int]):
    """From the lead's events and the model that it names: the same vector, the same bits of propensity."""
    lane = Lane()
    for batch in in_batches(records, parts):
        lane.take(batch)
    again = {(basis.key, basis.event_id): basis for basis in bases([r for r in records if not is_outcome(r)], {})}
    rebuilt = [again[f"{one.tenant}|{one.lead}", one.event_id] for one in lane.scores]
    versioned = opinionated("acme")
    assert isinstance(versioned, VersionedModel)

    assert [(one.feature_digest, one.sequence) for one in lane.scores] == [(basis.digest, basis.sequence) for basis in rebuilt]
    if rebuilt:
        assert [one.propensity for one in lane.scores] == propensities([b.features for b in rebuilt], versioned.model, TenantPolicy())


@given(stories(), cuts, st.integers(-STALE_AFTER_MS - 3 * DAY_MS, 0))
def test_every_score_with_a_base_can_be_computed_again(records: list[Record], parts: list[int], trained: int):
    """However the stream was cut, and though the base was left out of some scores as too old: those name none."""
    base, model = Tilted(MONDAY + trained), a_model(with_base=True)
    cut, whole = (Lane(model_of=lambda _: VersionedModel(7, model, base)) for _ in range(2))
    for batch in in_batches(records, parts):
        cut.take(batch)
    whole.take(records)
    features = {(b.key, b.event_id): b.features for b in bases([r for r in records if not is_outcome(r)], {})}

    assert whole.scores == cut.scores
    for one in whole.scores:
        named = base if one.base_version else None

        assert (base.trained_at if one.as_of - base.trained_at <= STALE_AFTER_MS else 0) == one.base_version
        assert [one.propensity] == propensities([features[f"{one.tenant}|{one.lead}", one.event_id]], model, TenantPolicy(), base=named)


@given(st.lists(st.integers(0, 60 * 24 * 60), min_size=1, max_size=8), st.integers(0, 60 * 24 * 60), st.integers(0, 60 * 24 * 60))
def test_decay_never_increases_with_age(gaps_min: list[int], wait_min: int, longer_min: int):
    """The longer a lead was silent, the less its engagements before count when it acts again."""
    at = MONDAY
    story = [viewed_page(at=(at := later(at, minutes=gap))) for gap in gaps_min]
    decayed = []
    for wait in (wait_min, wait_min + longer_min):
        lane = Lane()
        lane.take(enriched(*story, viewed_page(at=later(at, minutes=wait), event_id="last")))
        row = lane.memories.load("acme|ada").row
        decayed.append(row[[m.DECAYED_HOUR, m.DECAYED_DAY, m.DECAYED_WEEK]])

    assert bool((decayed[0] >= decayed[1]).all())
    assert bool((decayed[1] >= 1.0).all())


@given(stories(with_outcomes=False))
def test_dense_features_are_finite(records: list[Record]):
    """Whatever a lead does, each of its dense features is a number."""
    vectors = [np.frombuffer(basis.features, "<f4", WIDTH, 1) for basis in bases(records, {})]

    assert [] == [DENSE[i].name for vector in vectors for i in np.flatnonzero(~np.isfinite(vector))]


@given(probabilities, st.floats(0.0, 100.0), grades)
def test_a_grade_is_settled_at_once(propensity: float, engagement: float, previous: int):
    """The same measures again move nothing: there is no creeping."""
    once = grade(propensity, engagement, previous)

    assert once == grade(propensity, engagement, once)


@given(probabilities, probabilities, st.floats(0.0, 100.0), grades)
def test_a_better_propensity_is_never_a_worse_grade(one: float, other: float, engagement: float, previous: int):
    """From the same grade before, with the same engagement."""
    low, high = sorted((one, other))

    assert grade(low, engagement, previous) <= grade(high, engagement, previous)


@given(st.sampled_from(LETTER_FROM), st.floats(-0.09, 0.09), st.lists(st.floats(-0.09, 0.09), max_size=8), st.sampled_from(DIGIT_FROM))
def test_a_lead_on_the_line_does_not_flicker(boundary: float, first: float, then: list[float], digit: float):
    """Within a tenth of a boundary, letter and digit stay what they became first."""
    settled = current = grade(boundary * (1 + first), digit * (1 + first))
    for wobble in then:
        current = grade(boundary * (1 + wobble), digit * (1 + wobble), current)

    assert settled == current
