"""The operator of learn_models, called as Flink calls it."""

import time
from copy import deepcopy
from functools import partial
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from jobs.operators.learn_tenant import PUBLISH_EVERY_MS, LearnTenant
from jobs.operators.students import FOLD_AFTER, Students
from models.learning.hazard_model import model_from_bytes
from models.student import Student
from schemas.champion_choice import THE_ONE_BEFORE, ChampionChoice
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy
from schemas.topics import Topic
from tests.builders import MONDAY, a_model, an_event, later
from tests.golden.state.write import an_example
from tests.unit.jobs.fakes import CODEC, FakeMapState, Harness, Published, Record, a_record, of, offline_settings

POLICY = TenantPolicy(prior=0.3)


@pytest.fixture
def lane(tmp_path: Path) -> Harness:
    return Harness(lambda: LearnTenant(offline_settings(tmp_path), {"acme": POLICY}))


def learnable(number: int, tenant: str = "acme") -> MaturedExample:
    return an_example(number)._replace(tenant=tenant)


def record_of(example: MaturedExample) -> Record:
    return Record(example.tenant.encode(), CODEC.encode(example))


def test_a_batch_becomes_a_snapshot_and_its_metrics(lane: Harness):
    """One version for the batch, that has learned all of it, under a key of its own."""
    taught = [learnable(number) for number in range(4)]
    taught[-1] = taught[-1]._replace(matured_at=later(taught[-1].as_of, days=32))
    published = lane.take([record_of(example) for example in taught])
    student = Student("acme", POLICY)
    student.learn(taught)
    [snapshot] = of(Topic.MODELS_PUBLISHED, published)

    assert b"acme|4" == published[0].key
    assert student.snapshot(now=snapshot.published_at) == snapshot
    assert student.metrics() == of(Topic.METRICS_PUBLISHED, published) != []


def test_tenants_learn_apart(lane: Harness):
    """Each has its snapshot, of its own examples."""
    published = lane.take([record_of(learnable(0)), record_of(learnable(1, "globex")), record_of(learnable(2, "globex"))])
    snapshots = of(Topic.MODELS_PUBLISHED, published)

    assert {"acme": 2, "globex": 4} == {snapshot.tenant: snapshot.labels for snapshot in snapshots}


def test_a_busy_tenant_publishes_so_often_and_loses_nothing(lane: Harness):
    """However fast batches come, snapshots keep their distance; the last one, by the timer, has learned everything."""
    began = time.monotonic()
    published = [one for number in range(30) for one in lane.take([record_of(learnable(number))])]
    elapsed_ms = (time.monotonic() - began) * 1000
    published += lane.wait()
    snapshots = of(Topic.MODELS_PUBLISHED, published)

    assert len(snapshots) <= 2 + elapsed_ms / PUBLISH_EVERY_MS
    assert [snapshot.labels // 2 for snapshot in snapshots] == [snapshot.version for snapshot in snapshots]
    assert snapshots[-1].labels == 2 * 30 == labels_in_state(lane)


def labels_in_state(lane: Harness) -> int:
    """Labels that the tenant's student has learned, as state holds it: two for each example."""
    return restored(lane).of("acme").labels


def restored(lane: Harness) -> Students:
    """Students as a restart would find them."""
    students, lessons = (FakeMapState(partial(lane.backend.entries, name)) for name in ("students", "lessons"))
    return Students(students, lessons, CODEC, {"acme": POLICY})


def test_a_restart_goes_on_where_it_was(lane: Harness):
    """Version, metrics and model are as if there had been none."""
    taught = [learnable(number) for number in range(6)]
    lane.take([record_of(example) for example in taught[:3]])
    lane.restart()
    [snapshot] = of(Topic.MODELS_PUBLISHED, lane.take([record_of(example) for example in taught[3:]]))
    student = Student("acme", POLICY)
    student.learn(taught)

    assert (6, student.labels) == (snapshot.version, snapshot.labels)
    assert student.champion.model().to_bytes() == snapshot.payload


@pytest.mark.parametrize("cuts", [[1] * 12, [5, 7], [2, 3, 7]])
def test_a_version_is_one_model_whatever_failed_in_between(lane: Harness, cuts: list[int]):
    """After a crash examples come again in other batches: what is published under a version that was there before is the same model."""
    taught = [record_of(learnable(number)) for number in range(12)]
    before = deepcopy(lane.backend)
    published = [one for record in taught for one in (*lane.take([record]), *lane.wait())]
    lane.backend = before
    lane.restart()
    rest = iter(taught)
    for cut in cuts:
        published += [*lane.take(list(islice(rest, cut))), *lane.wait()]
    payloads: dict[int, set[bytes]] = {}
    for snapshot in of(Topic.MODELS_PUBLISHED, published):
        payloads.setdefault(snapshot.version, set()).add(snapshot.payload)

    assert 12 == max(payloads)
    assert {1} == {len(of_version) for of_version in payloads.values()}


def test_what_score_leads_publishes_again_is_learned_once(lane: Harness):
    """In other batches, also after a restart of this job; a batch of repeats alone publishes nothing."""
    taught = [learnable(number) for number in range(6)]
    lane.take([record_of(example) for example in taught])
    lane.wait()
    lane.restart()

    assert [] == [*lane.take([record_of(example) for example in taught[2:]]), *lane.wait()]

    lane.take([record_of(example) for example in [*taught[4:], learnable(6)]])

    assert 2 * 7 == labels_in_state(lane)


def test_after_a_restart_the_timer_publishes_what_was_learned(lane: Harness):
    """Who was waiting is not in state, so every tenant of the lane publishes."""
    numbers = count()
    while not lane.backend.timers:
        lane.take([record_of(learnable(next(numbers)))])
    lane.restart()
    [snapshot] = of(Topic.MODELS_PUBLISHED, lane.wait())

    assert labels_in_state(lane) == snapshot.labels
    assert model_from_bytes(snapshot.payload).intervals == 5


def test_a_new_tenant_learns_on_from_the_pool(tmp_path: Path):
    """And goes on from there after a restart with another pool, or with none."""
    pools = iter([a_model().to_bytes(), None, None])
    lane = Harness(lambda: LearnTenant(offline_settings(tmp_path), {"acme": POLICY}, next(pools)))
    lane.take([record_of(learnable(0))])
    lane.restart()
    [snapshot] = of(Topic.MODELS_PUBLISHED, lane.take([record_of(learnable(1))]))
    student = Student("acme", POLICY, a_model())
    student.learn([learnable(0), learnable(1)])

    assert (2, student.champion.model().to_bytes()) == (snapshot.version, snapshot.payload)


@pytest.fixture
def contested(tmp_path: Path) -> Harness:
    policy = POLICY._replace(challengers=("slow",))
    return Harness(lambda: LearnTenant(offline_settings(tmp_path), {"acme": policy}))


def record_of_choice(learner: str, number: int = 1, *, tenant: str = "acme") -> Record:
    choice = ChampionChoice(tenant, f"c-{number}", learner, "ops", MONDAY)
    return Record(tenant.encode(), CODEC.encode(choice), 1)


def named(published: list[Published]) -> list[tuple[str, int, bool]]:
    return [(snapshot.learner, snapshot.version, snapshot.is_champion) for snapshot in of(Topic.MODELS_PUBLISHED, published)]


def test_challengers_are_published_beside_the_champion(contested: Harness):
    """Under keys of their own, for score_leads to have them score."""
    published = contested.take([record_of(learnable(0))])

    assert [("prox", 1, True), ("slow", 1, False)] == named(published)
    assert [b"acme|1", b"acme|slow|1"] == [one.key for one in published if one.topic == Topic.MODELS_PUBLISHED.value]


def test_a_choice_is_followed_at_once_and_once(contested: Harness):
    """Without waiting for an example; the former champion is published as a challenger. A rollback takes it back."""
    contested.take([record_of(learnable(0))])
    promoted = contested.take([record_of_choice("slow")])
    contested.restart()
    again = contested.take([record_of_choice("slow")])
    back = contested.take([record_of_choice(THE_ONE_BEFORE, 2)])

    assert ([("slow", 1, True), ("prox", 1, False)], [], [("prox", 1, True), ("slow", 1, False)]) == (named(promoted), named(again), named(back))
    assert [("prox", 0.0), ("slow", 1.0)] == [(m.model, m.value) for m in of(Topic.METRICS_PUBLISHED, promoted) if m.name == "champion"]


def test_a_choice_survives_a_restart(contested: Harness):
    """What is learned after it is published of the new champion."""
    contested.take([record_of(learnable(0)), record_of_choice("slow")])
    contested.restart()
    published = contested.take([record_of(learnable(1))]) + contested.wait()

    assert ("slow", 2, True) in named(published)


@pytest.mark.parametrize("choice", [record_of_choice("fast"), record_of_choice(THE_ONE_BEFORE), record_of_choice("slow")._replace(key=b"globex")])
def test_a_choice_that_cannot_be_followed_becomes_a_dead_letter(contested: Harness, choice: Record):
    """Whole, under the topic that it came by; the champion stays."""
    contested.take([record_of(learnable(0))])
    published = contested.take([choice])
    [letter] = of(Topic.RECORDS_DEAD, published)

    assert (choice.key, choice.value, Topic.CHAMPIONS_CHOSEN.value, []) == (letter.key, letter.value, letter.topic, named(published))


def test_drift_is_told_when_it_is_seen(lane: Harness):
    """On the metrics topic, by how much predictions became worse; and logged."""
    rng = np.random.default_rng(1)
    examples = []
    for number in range(1_500):
        is_converted = bool(rng.random() < (0.1 if number < 700 else 0.9))
        at = later(MONDAY, days=number // 50)
        examples.append(
            learnable(number)._replace(
                lead=f"lead {number}", as_of=at, matured_at=later(at, days=30), propensity=0.1, is_converted=is_converted, is_final=True
            )
        )
    with capture_logs() as logs:
        published = [one for start in range(0, 1_500, 100) for one in lane.take([record_of(example) for example in examples[start : start + 100]])]
    drifts = [metric for metric in of(Topic.METRICS_PUBLISHED, published) if metric.name == "drift"]

    assert drifts
    assert all(metric.value > 0.0 and metric.as_of > examples[700].matured_at for metric in drifts)
    assert ["drift.detected"] * len(drifts) == [line["event"] for line in logs]


def test_a_tenant_without_a_policy_has_the_default(lane: Harness):
    """Five intervals, like every window."""
    [snapshot] = of(Topic.MODELS_PUBLISHED, lane.take([record_of(learnable(1, "globex"))]))

    assert model_from_bytes(snapshot.payload).intervals == 5


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record(b"acme", b"?"), "not_avro"),
        (a_record(an_event()), "wrong_type"),
        (record_of(learnable(1))._replace(key=b"globex"), "invalid"),
        (record_of(learnable(1)._replace(features=b"no vector")), "invalid"),
    ],
    ids=["unreadable", "an event", "another tenant's key", "no vector"],
)
def test_what_teaches_nothing_becomes_a_dead_letter(lane: Harness, record: Record, reason: str):
    """Whole, while its batch is learned."""
    published = lane.take([record, record_of(learnable(1))])
    [letter] = of(Topic.RECORDS_DEAD, published)

    assert (record.key, record.value, reason) == (letter.key, letter.value, letter.reason)
    assert 1 == len(of(Topic.MODELS_PUBLISHED, published))


def test_lessons_are_kept_until_the_student_is_written_whole(lane: Harness):
    """A restart finds the same student before, at and after that moment, and lessons never pile up."""
    examples = [learnable(number) for number in range(FOLD_AFTER + 50)]
    student = Student("acme", POLICY)
    for start in range(0, len(examples), 50):
        batch = examples[start : start + 50]
        student.learn(batch)
        lane.take([record_of(example) for example in batch])
        if start in (FOLD_AFTER - 100, FOLD_AFTER - 50, FOLD_AFTER):
            assert student.to_bytes() == restored(lane).of("acme").to_bytes()

    assert 1 == len(lane.backend.entries("lessons"))
    assert {"acme"} == restored(lane).tenants()
