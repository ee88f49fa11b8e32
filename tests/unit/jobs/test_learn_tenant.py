"""The operator of learn_models, called as Flink calls it."""

import time
from copy import deepcopy
from functools import partial
from itertools import count, islice
from pathlib import Path

import pytest

from jobs.operators.learn_tenant import PUBLISH_EVERY_MS, LearnTenant
from jobs.operators.students import FOLD_AFTER, Students
from models.learning.hazard_model import model_from_bytes
from models.student import Student
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy
from schemas.topics import Topic
from tests.builders import an_event, later
from tests.golden.state.write import an_example
from tests.unit.jobs.fakes import CODEC, FakeMapState, Harness, Record, a_record, of, offline_settings

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
    assert student.learner.model().to_bytes() == snapshot.payload


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
