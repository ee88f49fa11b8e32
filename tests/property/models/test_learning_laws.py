"""Laws of learning: inputs stay, restored learners go on in step, and metrics are what the textbook says."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.registry import WIDTH
from models.features.vector import LOW, FeatureVector, categorical_id, numeric_id
from models.learning.hazard_learner import HazardLearner
from models.learning.hazard_model import EXPERTS
from models.prequential import ECE_BINS, Prequential
from models.scorer import score
from models.student import Student
from models.windowed import WindowedPrequential
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import TENANT

INTERVALS = 5
probabilities = st.floats(0.0, 1.0)
dense = st.lists(st.floats(-100.0, 100.0, width=32) | st.just(0.0), min_size=WIDTH, max_size=WIDTH)
sparse = st.dictionaries(
    st.sampled_from([categorical_id(f"word_{i % 3}", str(i)) for i in range(9)] + [numeric_id(f"number_{i}") for i in range(5)]),
    st.floats(-709.0, 709.0, width=32),
    max_size=6,
)


@st.composite
def examples(draw: st.DrawFn) -> MaturedExample:
    """A matured example with any vector of a small vocabulary."""
    numbers = draw(sparse)
    ids = np.array(list(numbers), np.uint64)
    values = np.array([1.0 if feature_id & LOW else value for feature_id, value in numbers.items()], np.float32)
    first, last = sorted((draw(st.integers(0, INTERVALS - 1)), draw(st.integers(0, INTERVALS - 1))))
    is_converted = draw(st.booleans())
    return MaturedExample(
        tenant=TENANT,
        lead="ada",
        event_id="e",
        sequence=1,
        as_of=Millis(0),
        matured_at=Millis(draw(st.integers(0, 2**40))),
        first_interval=first,
        last_interval=last,
        is_converted=is_converted,
        is_final=is_converted or last == INTERVALS - 1,
        propensity=draw(probabilities),
        hazards=draw(st.lists(probabilities, min_size=EXPERTS * INTERVALS, max_size=EXPERTS * INTERVALS) | st.just([])),
        model_version=0,
        features=FeatureVector(np.array(draw(dense), np.float32), ids, values).to_bytes(),
    )


lessons = st.lists(examples(), max_size=12)


def an_example(as_of: Millis, matured_at: Millis, *, is_converted: bool, propensity: float) -> MaturedExample:
    """A final one, as far as metrics look at it."""
    return MaturedExample(TENANT, "ada", "e", 1, as_of, matured_at, 0, 0, is_converted, True, propensity, [], 1, b"")


@given(lessons)
def test_every_interval_counts_and_the_model_stays_a_probability(taught: list[MaturedExample]):
    """`learn` gives the number of labels, and whatever was learned, scores are in [0, 1]."""
    learner = HazardLearner(prior=0.15, intervals=INTERVALS)
    learned = [learner.learn(example) for example in taught]
    model = learner.model()
    ids = model.attributes.astype(np.uint64) << np.uint64(32)
    scored = score(model, np.full((1, WIDTH), 1e38, np.float32), ids, np.full(len(ids), -1e38, np.float32), np.array([len(ids)]))

    assert [example.last_interval - example.first_interval + 1 for example in taught] == learned
    assert 0.0 <= scored.propensity[0] <= 1.0


@given(examples(), lessons)
def test_learning_never_changes_its_input_nor_a_model_given_before(example: MaturedExample, before: list[MaturedExample]):
    """An example is read, not written; a model is a value."""
    learner = HazardLearner(prior=0.15, intervals=INTERVALS)
    for one in before:
        learner.learn(one)
    model, features = learner.model(), bytes(bytearray(example.features))
    frozen = model.to_bytes()
    learner.learn(example)

    assert (features, frozen) == (example.features, model.to_bytes())


@given(lessons, lessons)
def test_a_learner_survives_its_bytes(before: list[MaturedExample], after: list[MaturedExample]):
    """Restored, it gives the same model to the byte, and goes on learning in step."""
    learner = HazardLearner(prior=0.15, intervals=INTERVALS)
    for example in before:
        learner.learn(example)
    restored = HazardLearner.from_bytes(learner.to_bytes())
    then = (learner.model().to_bytes(), restored.model().to_bytes())
    for example in after:
        learner.learn(example)
        restored.learn(example)

    assert then[0] == then[1]
    assert (learner.model().to_bytes(), learner.to_bytes()) == (restored.model().to_bytes(), restored.to_bytes())


@given(lessons, lessons)
def test_a_student_survives_its_bytes(before: list[MaturedExample], after: list[MaturedExample]):
    """Version, counts, metrics and learner go on as if it had never been bytes."""
    student = Student(TENANT, TenantPolicy())
    student.learn(before)
    student.snapshot(now=Millis(1))
    restored = Student.from_bytes(student.to_bytes(), TENANT, TenantPolicy())
    for one in (student, restored):
        one.learn(after)

    assert (student.snapshot(now=Millis(2)), student.metrics()) == (restored.snapshot(now=Millis(2)), restored.metrics())


@given(lessons, st.lists(st.integers(0, 12), max_size=4))
def test_a_student_learns_the_same_however_its_examples_are_cut(taught: list[MaturedExample], cuts: list[int]):
    """Batches mean nothing to a learner."""
    whole, parts = Student(TENANT, TenantPolicy()), Student(TENANT, TenantPolicy())
    whole.learn(taught)
    edges = sorted({0, len(taught), *(cut for cut in cuts if cut < len(taught))})
    for start, end in pairwise(edges):
        parts.learn(taught[start:end])

    assert whole.to_bytes() == parts.to_bytes()


@given(st.lists(st.tuples(probabilities, st.booleans()), min_size=1, max_size=60))
def test_metrics_are_the_textbooks(predictions: list[tuple[float, bool]]):
    """AUC within half a hundredth where predictions differ; log loss, Brier score and calibration error as computed the slow way."""
    prequential = Prequential()
    for propensity, is_converted in predictions:
        prequential.update(propensity, is_converted=is_converted)
    values = prequential.values()

    assert len(predictions) == prequential.points
    assert reference(predictions) == pytest.approx({name: value for name, value in values.items() if name != "auc"}, abs=1e-9)
    assert ("auc" in values) == (len({label for _, label in predictions}) == 2)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_auc_is_that_of_all_pairs(seed: int, base_rate: float):
    """Counted in bins, it is within 0.005 of the share of pairs in the right order."""
    rng = np.random.default_rng(seed)
    labels = rng.random(400) < base_rate
    labels[:2] = (True, False)
    propensities = 1.0 / (1.0 + np.exp(-rng.normal(labels * 1.0, 2.0)))
    prequential = Prequential()
    for propensity, is_converted in zip(propensities.tolist(), labels.tolist(), strict=True):
        prequential.update(propensity, is_converted=is_converted)
    above = propensities[labels][:, None] - propensities[~labels][None, :]

    assert pytest.approx(float((above > 0).mean() + (above == 0).mean() / 2), abs=0.005) == prequential.values()["auc"]


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, INTERVALS - 1), st.booleans(), probabilities), min_size=1, max_size=60), st.integers(0, 130)
)
def test_conversions_and_silence_are_counted_alike(points: list[tuple[int, int, bool, float]], until_day: int):
    """Whenever the stream stops, what was counted are the points of a span of time, all of them, however they went and whoever was told first."""
    ends = TenantPolicy().interval_ends_ms
    finals = []
    for day, interval, is_converted, propensity in points:
        as_of, last = Millis(day * DAY_MS), interval if is_converted else INTERVALS - 1
        finals.append(an_example(as_of, Millis(as_of + ends[last]), is_converted=is_converted, propensity=propensity))
    finals.sort(key=lambda example: example.matured_at)
    clock, metrics, expected = until_day * DAY_MS, WindowedPrequential(ends[-1]), Prequential()
    for example in finals:
        if example.matured_at <= clock:
            metrics.advance(example.matured_at)
            metrics.take(example, clock=example.matured_at)
    metrics = WindowedPrequential.from_bytes(metrics.to_bytes(), ends[-1])
    metrics.advance(clock)
    over = [example for example in finals if example.as_of + ends[-1] <= clock]
    for example in over:
        expected.update(example.propensity, is_converted=example.is_converted)

    assert expected.values() == pytest.approx(metrics.counted.values())
    assert (len(over), len(finals) - len(over)) == (metrics.counted.points, metrics.waiting + sum(one.matured_at > clock for one in finals))


@given(st.lists(st.tuples(probabilities, st.booleans()), max_size=20), st.lists(st.tuples(probabilities, st.booleans()), max_size=20))
def test_metrics_survive_their_bytes(before: list[tuple[float, bool]], after: list[tuple[float, bool]]):
    """Counting goes on where it stopped."""
    counted = Prequential()
    for propensity, is_converted in before:
        counted.update(propensity, is_converted=is_converted)
    restored = Prequential.from_bytes(counted.to_bytes())
    for propensity, is_converted in after:
        counted.update(propensity, is_converted=is_converted)
        restored.update(propensity, is_converted=is_converted)

    assert counted.values() == restored.values()


def reference(predictions: list[tuple[float, bool]]) -> dict[str, float]:
    """The metrics, the slow way."""
    n = len(predictions)
    clipped = [(min(max(p, 1e-6), 1 - 1e-6), y) for p, y in predictions]
    error = 0.0
    for k in range(ECE_BINS):
        inside = [(p, y) for p, y in predictions if min(int(p * ECE_BINS), ECE_BINS - 1) == k]
        error += abs(sum(p for p, _ in inside) - sum(y for _, y in inside)) / n
    return {
        "log_loss": -sum(math.log(p if y else 1 - p) for p, y in clipped) / n,
        "brier": sum((p - y) ** 2 for p, y in predictions) / n,
        "ece": error,
        "base_rate": sum(y for _, y in predictions) / n,
    }
