"""The learner, the model it gives, the student around it and the metrics of its predictions."""

import math

import msgpack
import numpy as np
import numpy.typing as npt
import pytest

from models.features.registry import WIDTH
from models.features.vector import FeatureVector, categorical_id
from models.grading import GRADES, grade
from models.learning.hazard_learner import HazardLearner
from models.learning.hazard_model import EXPERTS, HazardModel, model_from_bytes, untrained
from models.prequential import Prequential
from models.replay import Replay
from models.scorer import REASONS, score
from models.student import Student
from models.windowed import WindowedPrequential
from schemas.errors import FatalError, PoisonRecordError
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.model_snapshot import LEARNER
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import MONDAY, TENANT, a_model, arrived, later, opened_email, viewed_page, won

WORD = categorical_id("plan", "pro")


def vector(*ids: int) -> FeatureVector:
    return FeatureVector(np.zeros(WIDTH, np.float32), np.array(ids, np.uint64), np.ones(len(ids), np.float32))


def an_example(*ids: int, is_converted: bool = False, is_final: bool = True, propensity: float = 0.2, at: Millis = MONDAY) -> MaturedExample:
    """One interval's label."""
    return MaturedExample(
        tenant=TENANT,
        lead="ada",
        event_id="e1",
        sequence=1,
        as_of=at,
        matured_at=at,
        first_interval=0,
        last_interval=0,
        is_converted=is_converted,
        is_final=is_final,
        propensity=propensity,
        hazards=[propensity],
        model_version=1,
        features=vector(*ids).to_bytes(),
    )


def propensity_of(model: HazardModel, *ids: int) -> float:
    of = vector(*ids)
    return float(score(model, of.dense.reshape(1, -1), of.ids, of.values, np.array([len(ids)])).propensity[0])


@pytest.mark.parametrize("intervals", [1, 5])
def test_before_any_label_everyone_has_the_prior(intervals: int):
    """However many intervals the window has."""
    assert pytest.approx(0.15) == propensity_of(untrained(0.15, intervals)) == propensity_of(HazardLearner(prior=0.15, intervals=intervals).model())


def test_what_converts_is_scored_higher_than_what_does_not():
    """A word that comes with conversions raises the propensity, well above that of leads without it."""
    learner = HazardLearner(prior=0.15, intervals=1)
    for _ in range(200):
        learner.learn(an_example(WORD, is_converted=True))
        learner.learn(an_example())
    model = learner.model()

    assert propensity_of(model, WORD) > 1.5 * propensity_of(model)


def test_a_word_that_was_never_learned_weighs_nothing():
    """Unseen values change no propensity."""
    model = a_model()

    assert propensity_of(model) == propensity_of(model, categorical_id("plan", "unheard of"))


def test_an_example_that_finds_no_room_is_not_lost_silently():
    """Should the kernel want more room than the learner makes, the job stops and says so."""

    class Cramped(HazardLearner):
        def _make_room(self, ids: npt.NDArray[np.uint64]) -> None:
            """Make none."""

    with pytest.raises(FatalError, match="was not learned: there is no room"):
        Cramped(prior=0.15, intervals=1).learn(an_example(WORD))


def test_a_learner_of_another_version_is_refused():
    """Its bytes are not guessed at."""
    with pytest.raises(FatalError, match="version 09"):
        HazardLearner.from_bytes(b"\x09")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgpack.packb(7),
        msgpack.packb([9]),
        msgpack.packb([4, b"", b""]),
        msgpack.packb([4, *msgpack.unpackb(a_model().to_bytes())[1:10], *[b"123"] * 12]),
        a_model()._replace(start=float("nan")).to_bytes(),
        a_model()._replace(start="0").to_bytes(),
        a_model()._replace(with_clock=1).to_bytes(),
        a_model()._replace(base_share=1.5).to_bytes(),
        a_model()._replace(slope=-1.0).to_bytes(),
        a_model()._replace(pivot=float("inf")).to_bytes(),
        a_model()._replace(context=99).to_bytes(),
        a_model()._replace(intervals=0).to_bytes(),
        a_model()._replace(weight=np.full_like(a_model().weight, np.inf)).to_bytes(),
        a_model()._replace(trust=np.zeros(EXPERTS)).to_bytes(),
        a_model()._replace(scale=np.zeros(3)).to_bytes(),
        a_model()._replace(baseline=a_model().baseline[1:]).to_bytes(),
        a_model()._replace(keys=np.zeros_like(a_model().keys)).to_bytes(),
        a_model()._replace(keys=a_model().keys[::-1]).to_bytes(),
        a_model()._replace(attributes=a_model().attributes[::-1]).to_bytes(),
        a_model()._replace(edge_count=np.full_like(a_model().edge_count, 16)).to_bytes(),
    ],
    ids=[
        *["empty", "garbage", "a number", "version", "too few", "odd lengths", "NaN", "a text", "no flag"],
        *["share", "slope", "pivot", "context", "no interval"],
        *["infinite", "no trust", "attributes", "baseline", "keys", "bias", "dense", "edges"],
    ],
)
def test_bytes_that_are_no_model_are_refused(data: bytes):
    """A snapshot that cannot score never replaces one that can."""
    with pytest.raises(PoisonRecordError):
        model_from_bytes(data)


def test_the_largest_contributions_are_the_reasons():
    """The strongest first, by the size of their share of the logit, and with the rest they sum to it."""
    model = a_model(intervals=1)
    of = vector(WORD, categorical_id("channel", "web"))._replace(dense=np.linspace(0.0, 3.0, WIDTH, dtype=np.float32))
    scored = score(model, of.dense.reshape(1, -1), of.ids, of.values, np.array([2]))
    sizes = np.abs(scored.reason_share[0]).tolist()
    logit = math.log(scored.propensity[0] / (1.0 - scored.propensity[0]))

    assert sorted(sizes, reverse=True) == sizes
    assert REASONS == len(set(scored.reason_at[0].tolist()))
    assert logit == pytest.approx(scored.baseline[0] + scored.reason_share[0].sum() + scored.rest[0], abs=1e-9)


def test_without_contributions_there_are_no_reasons():
    """An untrained model says nothing of why."""
    scored = score(untrained(0.1, 1), np.ones((1, WIDTH), np.float32), np.zeros(0, np.uint64), np.zeros(0, np.float32), np.zeros(1, np.int64))

    assert ([-1] * REASONS, 0.0) == (scored.reason_at[0].tolist(), scored.rest[0])


def test_a_student_counts_a_prediction_once_when_its_window_is_over():
    """Labels are learned interval by interval; the prediction is judged at the end, by what was published, whichever way it went."""
    student = Student(TENANT, TenantPolicy(window_ms=DAY_MS))
    student.learn([an_example(is_final=False), an_example(is_converted=True, propensity=0.8)])
    early = (student.examples, student.labels, student.metrics())
    student.learn([an_example(is_final=False)._replace(matured_at=later(MONDAY, days=1, hours=1))])

    assert (1, 2, []) == early
    assert (1, 1, pytest.approx(0.04)) == (
        student.examples,
        student.judged[LEARNER].counted.points,
        student.judged[LEARNER].counted.values()["brier"],
    )


def test_a_student_of_the_release_before_goes_on():
    """What it had counted stays counted; its learner, which was another, begins anew."""
    student = Student(TENANT, TenantPolicy(window_ms=None))
    student.learn([an_example(), an_example(is_converted=True)])
    _, counts, *_ = msgpack.unpackb(student.to_bytes())
    old = msgpack.packb([1, counts, b"a learner of long ago", student.judged[LEARNER].counted.to_bytes()])
    read = Student.from_bytes(old, TENANT, TenantPolicy(window_ms=None))

    assert student.metrics() == read.metrics()
    assert HazardLearner(prior=0.15, intervals=1).to_bytes() == read.champion.to_bytes()


@pytest.mark.parametrize("version", [2, 3])
def test_a_student_of_another_learner_begins_anew(version: int):
    """Its metrics go on; the bytes of its learner are not looked at."""
    student = Student(TENANT, TenantPolicy(window_ms=None))
    student.learn([an_example(), an_example(is_converted=True)])
    _, counts, *_ = msgpack.unpackb(student.to_bytes())
    before = msgpack.packb([version, counts, b"another's", student.judged[LEARNER].to_bytes()])
    read = Student.from_bytes(before, TENANT, TenantPolicy(window_ms=None))

    assert (student.metrics(), student.version) == (read.metrics(), read.version)
    assert HazardLearner(prior=0.15, intervals=1).to_bytes() == read.champion.to_bytes()


def test_a_version_is_how_much_was_taught():
    """And a snapshot says what it learned from, and until when; without a lesson in between it is the same again."""
    student = Student(TENANT, TenantPolicy())
    student.learn([an_example(at=later(MONDAY, days=1)), an_example(at=MONDAY)])
    first = student.snapshot(now=Millis(1))
    again = student.snapshot(now=Millis(1))
    student.learn([an_example(at=MONDAY)])

    assert (2, later(MONDAY, days=1), 2) == (first.version, first.as_of, first.labels)
    assert (first, 3) == (again, student.snapshot(now=Millis(2)).version)


def test_metrics_name_their_model_and_how_many_points_they_saw():
    """One row a metric; AUC only when both labels were seen."""
    student = Student(TENANT, TenantPolicy(window_ms=None))
    nothing = student.metrics()
    student.learn([an_example(propensity=0.2), an_example(propensity=0.9, is_converted=True)])

    assert [] == nothing
    assert {"auc": 1.0, "base_rate": 0.5} == {one.name: one.value for one in student.metrics() if one.name in ("auc", "base_rate")}
    assert {(2, "prox")} == {(one.points, one.model) for one in student.metrics()}


def test_certain_predictions_are_counted():
    """0 and 1 are clipped for the log loss, and no bin is missed."""
    metrics = Prequential()
    metrics.update(0.0, is_converted=False)
    metrics.update(1.0, is_converted=True)

    assert {"auc": 1.0, "brier": 0.0, "ece": 0.0, "base_rate": 0.5, "log_loss": pytest.approx(1e-6, rel=1e-3)} == metrics.values()


def test_a_student_of_another_version_is_refused():
    """A newer release's state is not guessed at."""
    with pytest.raises(FatalError, match="version 9"):
        Student.from_bytes(msgpack.packb([9, [], b"", b""]), TENANT, TenantPolicy())


def test_metrics_of_another_version_are_refused():
    """A newer release's state is not guessed at."""
    with pytest.raises(FatalError, match="version 9"):
        Prequential.from_bytes(msgpack.packb([9, b"", b"", b"", 0.0, 0.0]))


def test_windowed_metrics_of_another_version_are_refused():
    """A newer release's state is not guessed at."""
    with pytest.raises(FatalError, match="version 9"):
        WindowedPrequential.from_bytes(msgpack.packb([9, b"", []]), None)


@pytest.mark.parametrize(
    ("propensity", "engagement", "expected"),
    [(0.0, 0.0, "D3"), (0.1, 0.5, "C2"), (0.25, 2.0, "B1"), (0.49, 1.9, "B2"), (0.5, 9.0, "A1"), (1.0, 0.0, "A3")],
)
def test_a_first_grade_is_the_band_of_its_measures(propensity: float, engagement: float, expected: str):
    """The letter says how likely, the digit how active."""
    assert expected == GRADES[grade(propensity, engagement)]


@pytest.mark.parametrize(("propensity", "expected"), [(0.27, "C1"), (0.28, "B1"), (0.099, "C1"), (0.089, "D1"), (0.9, "A1")])
def test_a_grade_moves_when_it_means_it(propensity: float, expected: str):
    """From C, whose bounds are 0.10 and 0.25, only beyond a tenth."""
    assert expected == GRADES[grade(propensity, 9.0, GRADES.index("C1"))]


def test_a_replay_learns_before_it_scores():
    """Labels that are due before a batch begins are learned first: its scores name the newer model."""
    replay = Replay({TENANT: TenantPolicy(window_ms=DAY_MS)})
    first, second, last = arrived(
        viewed_page(at=MONDAY), opened_email("bob", at=later(MONDAY, hours=1)), viewed_page("eve", at=later(MONDAY, days=2))
    )
    versions = [[score.model_version for score in processed.scores] for processed in replay.run([[first, second], [], [last]])]

    assert [[0, 0], [], [1]] == versions


def test_a_replay_takes_an_outcome_on_the_last_instant_of_an_interval():
    """What is due before a batch begins does not include its own first instant."""
    replay = Replay({TENANT: TenantPolicy(window_ms=DAY_MS)})
    records = arrived(viewed_page(at=instant_of_bucket()), won(at=later(instant_of_bucket(), days=1)), viewed_page("eve", at=later(MONDAY, days=9)))
    examples = [one for processed in replay.run([[record] for record in records]) for one in processed.examples if one.lead == "ada"]

    assert [(4, True)] == [(one.last_interval, one.is_converted) for one in examples if one.is_final]


def instant_of_bucket() -> Millis:
    """Monday, at a full ten minutes: its intervals end at the due queue's buckets."""
    return Millis(MONDAY - MONDAY % 600_000)


def test_a_replay_pairs_without_a_window():
    """The outcome is learned at once, and scores after it name the model."""
    replay = Replay({TENANT: TenantPolicy(window_ms=None)})
    records = arrived(viewed_page(at=MONDAY), won(at=MONDAY), viewed_page("bob", at=MONDAY))

    assert [[0], [], [1]] == [[one.model_version for one in processed.scores] for processed in replay.run([[record] for record in records])]
