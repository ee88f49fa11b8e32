"""The operator of score_leads, called as Flink calls it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from pyflink.datastream.time_domain import TimeDomain
from structlog.testing import capture_logs

from infra.settings import FlinkConfig
from jobs.operators.score_lane import ScoreLane
from models.engine import STALE_AFTER_MS, VersionedModel
from models.features.vector import PATTERN_MODEL, vector_from_bytes
from models.nightly.base import NightlyBase
from models.nightly.columns import FeatureVectors
from models.nightly.training import train
from schemas.event import Event
from schemas.ids import Millis
from schemas.model_snapshot import LEARNER, NIGHTLY, POOL, ModelSnapshot
from schemas.outcome import Outcome
from schemas.policy import DAY_MS, TenantPolicy
from schemas.topics import Topic
from tests.builders import MONDAY, TENANT, TUESDAY, WEDNESDAY, a_model, arrived, later, lost, opened_email, viewed_page, won
from tests.lane import Lane
from tests.unit.jobs.fakes import CODEC, Harness, Published, Record, a_record, of, offline_settings
from tests.unit.nightly.grown import a_ripe_harvest

DAY = TenantPolicy(window_ms=DAY_MS)
STORY = (
    viewed_page(at=MONDAY),
    viewed_page("bob", at=MONDAY),
    opened_email(at=later(MONDAY, hours=3)),
    won(at=later(MONDAY, hours=9)),
    opened_email("bob", at=TUESDAY),
    viewed_page("eve", at=WEDNESDAY),
    lost("bob", at=WEDNESDAY),
    viewed_page("eve", at=later(WEDNESDAY, days=9)),
)


@pytest.fixture
def lane(tmp_path: Path) -> Callable[..., Harness]:
    return lambda cached_leads=100, policy=DAY: Harness(
        lambda: ScoreLane(offline_settings(tmp_path, flink=FlinkConfig(cached_leads=cached_leads)), {TENANT: policy})
    )


def records(*story: Event | Outcome) -> list[Record]:
    return [a_record(record, int(isinstance(record, Outcome))) for record in arrived(*story)]


def a_snapshot(version: int, *, shift: float = 0.0, tenant: str = TENANT) -> tuple[bytes, bytes]:
    payload = a_model(shift=shift).to_bytes()
    snapshot = ModelSnapshot(tenant, version, MONDAY, LEARNER, 1, 1, payload, MONDAY)
    return f"{tenant}|{version}".encode(), CODEC.encode(snapshot)


@pytest.fixture(scope="module")
def night() -> NightlyBase:
    return train(a_ripe_harvest(), now=MONDAY).base


def a_base_of(base: NightlyBase, *, tenant: str = TENANT) -> tuple[bytes, bytes]:
    snapshot = ModelSnapshot(tenant, base.trained_at, Millis(base.trained_at), NIGHTLY, base.examples, base.examples, base.to_bytes(), MONDAY)
    return snapshot.key.encode(), CODEC.encode(snapshot)


def trained_later(base: NightlyBase, *, by: int) -> NightlyBase:
    return NightlyBase(trained_at=base.trained_at + by, examples=1, columns=base.columns, pairs=[], onnx=base.onnx)


def clock_of(at: int) -> Millis:
    return Millis(at - 1)


def told(harness: Harness, story: Sequence[Event | Outcome], *, restarts: bool = False) -> list[Published]:
    """The story, a record at a time, with a model in its middle, and then a week's silence."""
    harness.backend.watermark = clock_of(MONDAY)
    published = []
    for number, (record, raw) in enumerate(zip(records(*story), story, strict=True)):
        if number == 2:
            published += harness.hear(*a_snapshot(1))
        published += harness.take([record], clock=clock_of(raw.occurred_at))
        if restarts:
            harness.restart()
    return published + harness.advance(later(MONDAY, days=30)) + harness.wait()


def stripped(published: Sequence[Published]) -> list[object]:
    """Without the wall clock."""
    return [one.value._replace(scored_at=0) if one.topic == Topic.SCORES_PUBLISHED.value else one.value for one in published]


def test_every_event_is_scored_under_its_leads_key(lane: Callable[..., Harness]):
    """Outcomes are not; they are paired."""
    published = lane().take(records(viewed_page("ada"), won("ada"), viewed_page("bob")))

    assert [b"acme|ada", b"acme|bob"] == [one.key for one in published]
    assert [0, 0] == [score.model_version for score in of(Topic.SCORES_PUBLISHED, published)]


def test_the_operator_gives_what_the_engine_gives(lane: Callable[..., Harness]):
    """Scores and labels of a lane in Flink are those of the engine alone, on the same records, clocks and models."""
    published = told(lane(), STORY)
    alone = Lane(policy=DAY, model_of=lambda _: None)
    for number, record in enumerate(arrived(*STORY)):
        if number == 2:
            alone.model_of = lambda _: VersionedModel(1, a_model())
        alone.take([record])
        alone.advance(clock_of(record.occurred_at))
    alone.advance(later(MONDAY, days=30))

    assert [score._replace(scored_at=0) for score in alone.scores] == [score._replace(scored_at=0) for score in of(Topic.SCORES_PUBLISHED, published)]
    assert alone.examples == of(Topic.EXAMPLES_MATURED, published)


@pytest.mark.parametrize("cached_leads", [1, 100])
def test_a_restart_between_any_two_batches_changes_nothing(lane: Callable[..., Harness], cached_leads: int):
    """State is all there is: memories, points, dues, types, models and timers."""
    assert stripped(told(lane(cached_leads), STORY)) == stripped(told(lane(cached_leads), STORY, restarts=True))


def test_a_newer_model_scores_from_then_on(lane: Callable[..., Harness]):
    """An older one that comes again does not."""
    harness = lane()
    versions = []
    for number, heard in enumerate((None, a_snapshot(2), a_snapshot(1), a_snapshot(3))):
        if heard:
            harness.hear(*heard)
        at = later(MONDAY, minutes=number)
        [event] = [a_record(one._replace(sequence=number + 1)) for one in arrived(viewed_page(at=at))]
        versions += [score.model_version for score in of(Topic.SCORES_PUBLISHED, harness.take([event]))]

    assert [0, 2, 2, 3] == versions


def test_a_model_is_its_tenants_alone(lane: Callable[..., Harness]):
    """A lane mixes tenants; their models do not."""
    harness = lane()
    harness.hear(*a_snapshot(5, tenant="globex"))
    published = harness.take(records(viewed_page("ada"), viewed_page("ada", tenant="globex")))

    assert [("acme", 0), ("globex", 5)] == [(score.tenant, score.model_version) for score in of(Topic.SCORES_PUBLISHED, published)]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("base_first", [False, True])
def test_a_base_has_its_say_from_when_it_is_heard(lane: Callable[..., Harness], night: NightlyBase, *, base_first: bool, restarts: bool):
    """Scores name it; before or after the first model, and when the operator has restarted."""
    harness = lane()
    heard = [a_base_of(night), a_snapshot(1)]
    versions = []
    for number, (key, value) in enumerate(heard if base_first else heard[::-1]):
        assert [] == harness.hear(key, value)
        if restarts:
            harness.restart()
        [event] = [a_record(one._replace(sequence=number + 1)) for one in arrived(viewed_page(at=later(MONDAY, minutes=number)))]
        versions += [(score.model_version, score.base_version) for score in of(Topic.SCORES_PUBLISHED, harness.take([event]))]

    assert [(0, 0) if base_first else (1, 0), (1, MONDAY)] == versions


def test_a_newer_model_keeps_the_base_and_an_older_base_changes_nothing(lane: Callable[..., Harness], night: NightlyBase):
    """Of bases too the newest counts, whatever comes again; and each tenant's is its own."""
    harness = lane()
    newer = trained_later(night, by=DAY_MS)
    for key, value in (
        a_snapshot(1),
        a_base_of(newer),
        a_base_of(night),
        a_snapshot(2),
        a_base_of(trained_later(night, by=9 * DAY_MS), tenant="globex"),
    ):
        harness.hear(key, value)
    [score] = of(Topic.SCORES_PUBLISHED, harness.take(records(viewed_page(at=TUESDAY))))

    assert (2, newer.trained_at) == (score.model_version, score.base_version)


def test_an_example_carries_the_logit_that_its_score_had(lane: Callable[..., Harness], night: NightlyBase):
    """Frozen: a base that is heard later does not change it. An event scored without a base has none."""
    harness = lane()
    harness.hear(*a_snapshot(1))
    harness.take(records(viewed_page("bob", at=MONDAY)), clock=MONDAY)
    harness.hear(*a_base_of(night))
    harness.take(records(viewed_page("ada", at=MONDAY)), clock=MONDAY)
    harness.hear(*a_base_of(trained_later(night, by=1)))
    published = harness.take(records(viewed_page("eve", at=WEDNESDAY)), clock=clock_of(WEDNESDAY))
    vectors = {example.lead: vector_from_bytes(example.features) for example in of(Topic.EXAMPLES_MATURED, published)}
    plain = vectors["bob"]
    expected = night.logits(FeatureVectors.stacked([plain])).astype(np.float32)

    assert PATTERN_MODEL not in plain.ids
    assert [expected.tolist()] == [vectors["ada"].values[vectors["ada"].ids == PATTERN_MODEL].tolist()]


def test_a_base_that_event_time_has_left_behind_has_no_say(lane: Callable[..., Harness], night: NightlyBase):
    """Scores go on without it, and the reason is logged once."""
    harness = lane()
    harness.hear(*a_snapshot(1))
    harness.hear(*a_base_of(night))
    with capture_logs() as logs:
        for number in range(3):
            at = Millis(MONDAY + STALE_AFTER_MS + 1 + number)
            [event] = [a_record(one._replace(sequence=number + 1)) for one in arrived(viewed_page(at=at))]
            [score] = of(Topic.SCORES_PUBLISHED, harness.take([event], clock=at))

            assert (1, 0) == (score.model_version, score.base_version)

    assert [("base.expired", TENANT)] == [(line["event"], line["tenant_id"]) for line in logs]


def test_a_base_that_cannot_score_becomes_a_dead_letter(lane: Callable[..., Harness], night: NightlyBase):
    """And the one before goes on."""
    harness = lane()
    harness.hear(*a_snapshot(1))
    harness.hear(*a_base_of(night))
    broken = ModelSnapshot(TENANT, MONDAY + 1, MONDAY, NIGHTLY, 1, 1, night.to_bytes()[:-200], MONDAY)
    [letter] = of(Topic.RECORDS_DEAD, harness.hear(broken.key.encode(), CODEC.encode(broken)))
    [score] = of(Topic.SCORES_PUBLISHED, harness.take(records(viewed_page())))

    assert ("prox.models.published.v1", "invalid", night.trained_at) == (letter.topic, letter.reason, score.base_version)


def test_a_tenant_without_labels_is_scored_by_the_pool(tmp_path: Path):
    """From its first event, and until its own first model comes; scores say so."""
    pool = a_model()
    harness = Harness(lambda: ScoreLane(offline_settings(tmp_path), {TENANT: DAY}, pool.to_bytes()))
    [first] = of(Topic.SCORES_PUBLISHED, harness.take(records(viewed_page("ada"))))
    harness.hear(*a_snapshot(1))
    [second] = of(Topic.SCORES_PUBLISHED, harness.take(records(viewed_page("bob"))))
    untouched = TenantPolicy(window_ms=None)
    other = Harness(lambda: ScoreLane(offline_settings(tmp_path), {TENANT: untouched}, pool.to_bytes()))
    [third] = of(Topic.SCORES_PUBLISHED, other.take(records(viewed_page("eve"))))

    assert [(POOL, pool.evidence), (LEARNER, 1), (LEARNER, 0)] == [(score.learner, score.model_version) for score in (first, second, third)]
    assert first.reasons


def a_shadow(version: int, learner: str, *, shift: float = 1.0) -> tuple[bytes, bytes]:
    snapshot = ModelSnapshot(TENANT, version, MONDAY, learner, 1, 1, a_model(shift=shift).to_bytes(), MONDAY, is_champion=False)
    return snapshot.key.encode(), CODEC.encode(snapshot)


def a_champion(version: int, learner: str, *, shift: float = 1.0) -> tuple[bytes, bytes]:
    snapshot = ModelSnapshot(TENANT, version, MONDAY, learner, 1, 1, a_model(shift=shift).to_bytes(), MONDAY)
    return snapshot.key.encode(), CODEC.encode(snapshot)


@pytest.mark.parametrize("restarts", [False, True])
def test_challengers_score_beside_the_champion(lane: Callable[..., Harness], *, restarts: bool):
    """Those of the tenant's settings; examples carry what they said, also when another one became champion in between."""
    harness = lane(policy=DAY._replace(challengers=("slow",)))
    said = []
    story = [a_snapshot(5), a_shadow(5, "slow"), a_shadow(5, "fast"), a_shadow(4, "slow", shift=9.0), a_champion(5, "slow"), a_snapshot(6)]
    for number, heard in enumerate(story):
        harness.hear(*heard)
        if restarts:
            harness.restart()
        [event] = [a_record(one) for one in arrived(viewed_page(f"lead {number}", at=MONDAY))]
        [score] = of(Topic.SCORES_PUBLISHED, harness.take([event], clock=MONDAY))
        said.append((score.learner, score.model_version))
    published = harness.take(records(viewed_page("eve", at=WEDNESDAY)), clock=clock_of(WEDNESDAY))
    examples = {example.lead: example for example in of(Topic.EXAMPLES_MATURED, published)}

    assert [(LEARNER, 5)] * 4 + [("slow", 5), (LEARNER, 6)] == said
    assert [[], ["slow"], ["slow"], ["slow"], [LEARNER], ["slow"]] == [examples[f"lead {number}"].shadow_learners for number in range(6)]
    assert [example.learner for example in examples.values()] == [learner for learner, _ in said]
    # the older snapshot of the challenger was passed over, and its prediction is the one that it publishes as champion
    assert examples["lead 3"].shadow_hazards == examples["lead 4"].hazards


@pytest.mark.parametrize("value", [b"?", CODEC.encode(viewed_page()), a_snapshot(1)[1][:-20]], ids=["garbage", "an event", "cut short"])
def test_a_snapshot_that_cannot_score_becomes_a_dead_letter(lane: Callable[..., Harness], value: bytes):
    """And the model before goes on."""
    harness = lane()
    harness.hear(*a_snapshot(1))
    [letter] = of(Topic.RECORDS_DEAD, harness.hear(b"acme|2", value))
    [score] = of(Topic.SCORES_PUBLISHED, harness.take(records(viewed_page())))

    assert (b"acme|2", value, "prox.models.published.v1", 1) == (letter.key, letter.value, letter.topic, score.model_version)


def test_what_is_neither_event_nor_outcome_becomes_a_dead_letter(lane: Callable[..., Harness]):
    """An outcome under another lead's key too."""
    strangers = [a_record(viewed_page()), a_record(won(), 1)._replace(key=b"acme|bob"), Record(b"acme|ada", b"?", 1)]
    letters = of(Topic.RECORDS_DEAD, lane().take(strangers))

    assert ["wrong_type", "invalid", "not_avro"] == [letter.reason for letter in letters]
    assert ["prox.events.enriched.v1", "prox.outcomes.received.v1", "prox.outcomes.received.v1"] == [letter.topic for letter in letters]


def test_labels_of_a_silent_lane_wait_for_records_under_way(lane: Callable[..., Harness]):
    """The watermark alone gives no label: records that it overtook may still come, so it waits a second more."""
    harness = lane()
    harness.backend.watermark = MONDAY
    harness.take(records(viewed_page(at=MONDAY)), clock=MONDAY)
    at_once = harness.advance(later(MONDAY, days=2))
    after_a_second = harness.wait()

    assert [] == at_once
    assert 1 == len([example for example in of(Topic.EXAMPLES_MATURED, after_a_second) if example.is_final])


def test_a_busy_lane_labels_by_its_batches_clock(lane: Callable[..., Harness]):
    """It waits for no timer."""
    harness = lane()
    harness.take(records(viewed_page(at=MONDAY)), clock=MONDAY)
    published = harness.take(records(viewed_page("bob", at=WEDNESDAY)), clock=clock_of(WEDNESDAY))

    assert [("ada", True)] == [(example.lead, example.is_final) for example in of(Topic.EXAMPLES_MATURED, published)]


def test_before_any_watermark_no_event_time_timer_is_set(lane: Callable[..., Harness]):
    """At a replay's beginning event time is not known: a timer would fire at once, a year too early."""
    harness = lane()
    harness.take(records(viewed_page(at=MONDAY)))

    assert set() == {timer for timer in harness.backend.timers if timer[0] is TimeDomain.EVENT_TIME}


@pytest.mark.parametrize("restarts", [False, True])
def test_a_lane_whose_only_records_came_before_the_first_watermark_is_labelled(lane: Callable[..., Harness], restarts: bool):
    """It looks now and then whether event time is known, and gives its labels when they are due, not before."""
    harness = lane()
    harness.take(records(viewed_page(at=MONDAY)))
    early = []
    for _ in range(3):
        if restarts:
            harness.restart()
        early += harness.wait()
    harness.backend.watermark = MONDAY
    early += harness.wait()
    harness.advance(later(MONDAY, days=2))

    assert [] == early
    assert [True] == [example.is_final for example in of(Topic.EXAMPLES_MATURED, harness.wait())]


def test_nothing_is_left_of_a_silent_lead(lane: Callable[..., Harness]):
    """But the event types of its lane, which are few."""
    harness = lane()
    told(harness, STORY)
    for _ in range(3):
        harness.advance(later(MONDAY, days=999))
        harness.wait()

    assert {"types"} == {name for name, lanes in harness.backend.states.items() if any(lanes.values())}
