"""A tenant's learners: each judged by what it said, one of them champion."""

from collections.abc import Sequence

import msgpack
import numpy as np
import pytest

from models.engine import Shadow, VersionedModel
from models.features.registry import WIDTH
from models.features.vector import PATTERN_MODEL, FeatureVector
from models.frozen import frozen
from models.learning.hazard_learner import HazardLearner
from models.promotion import LEAST_LEADS
from models.standing import Change
from models.student import BY_RULE, Student
from schemas.champion_choice import THE_ONE_BEFORE, ChampionChoice
from schemas.errors import PoisonRecordError
from schemas.example import MaturedExample
from schemas.model_snapshot import LEARNER
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import MONDAY, TENANT, a_model, arrived, later, opened_email, viewed_page, won
from tests.lane import Lane
from tests.unit.nightly.grown import an_example

AT_ONCE = TenantPolicy(window_ms=None, challengers=("slow", "plain"))


def contested(number: int, *, champion: float, slow: float, is_converted: bool, learner: str = LEARNER) -> MaturedExample:
    """A lead that two learners scored; 50 leads a day."""
    other = "slow" if learner == LEARNER else LEARNER
    return an_example(at=later(MONDAY, days=number // 50), is_converted=is_converted)._replace(
        lead=f"lead {number}",
        sequence=1,
        propensity=champion if learner == LEARNER else slow,
        learner=learner,
        shadow_learners=[other],
        shadow_propensities=[slow if learner == LEARNER else champion],
        shadow_hazards=[0.2] * 4,
    )


def a_market(leads: int, *, champion_noise: float, slow_noise: float, learner: str = LEARNER) -> list[MaturedExample]:
    """Leads whose logits both learners know but for some noise."""
    rng = np.random.default_rng(3)
    story = []
    for number in range(leads):
        truth = rng.normal(-1.0, 1.5)
        said = [float(1 / (1 + np.exp(-(truth + rng.normal(0, noise))))) for noise in (champion_noise, slow_noise)]
        is_converted = bool(rng.random() < 1 / (1 + np.exp(-truth)))
        story.append(contested(number, champion=said[0], slow=said[1], is_converted=is_converted, learner=learner))
    return story


def a_choice(learner: str, number: int = 1) -> ChampionChoice:
    return ChampionChoice(TENANT, f"c-{number}", learner, "ops", MONDAY)


def values(student: Student, name: str) -> dict[str, float]:
    return {metric.model: metric.value for metric in student.metrics() if metric.name == name}


def test_each_learner_is_judged_by_what_it_said():
    """When the event was scored, whoever was champion then; one that said nothing is not judged."""
    student = Student(TENANT, AT_ONCE)
    student.learn([contested(0, champion=0.8, slow=0.5, is_converted=True), contested(1, champion=0.8, slow=0.5, is_converted=True, learner="slow")])

    assert {LEARNER: pytest.approx(0.04), "slow": pytest.approx(0.25)} == values(student, "brier")
    assert {LEARNER: 1.0, "slow": 0.0, "plain": 0.0} == values(student, "champion")


def test_a_learner_weighs_its_rates_by_its_own_hazards():
    """Taught as a challenger, it is the learner that it would be alone with what it said."""
    [example] = a_market(1, champion_noise=0.1, slow_noise=0.1)
    student = Student(TENANT, AT_ONCE)
    student.learn([example])
    alone = HazardLearner(prior=AT_ONCE.prior, intervals=1, configuration="slow")
    alone.learn(example._replace(hazards=[0.2] * 4))

    assert alone.to_bytes() == student.learners["slow"].to_bytes()


def test_a_challenger_that_is_better_beyond_doubt_becomes_champion():
    """By the rule, once, and duels begin anew: the former champion is a challenger now."""
    student = Student(TENANT, AT_ONCE)
    changed = [student.learn([example]).is_changed for example in a_market(2_000, champion_noise=2.0, slow_noise=0.1)]

    assert ("slow", BY_RULE, 1) == (student.standing.champion, student.standing.changes[-1].by, sum(changed))
    assert changed.index(True) >= LEAST_LEADS
    assert {LEARNER, "plain"} == set(student.duels)
    assert "slow" == student.snapshot(now=MONDAY).learner
    assert {(LEARNER, False), ("plain", False)} == {(shadow.learner, shadow.is_champion) for shadow in student.shadows(now=MONDAY)}


def test_an_equal_challenger_is_not_promoted():
    """A change costs more than a tie is worth."""
    student = Student(TENANT, AT_ONCE)
    student.learn(a_market(2_000, champion_noise=0.5, slow_noise=0.5))

    assert (LEARNER, True) == (student.standing.champion, "duel_log_loss_at_most" in {metric.name for metric in student.metrics()})


def test_the_rule_promotes_at_the_same_example_however_batches_are_cut():
    """And through its bytes in between."""
    story = a_market(1_200, champion_noise=2.0, slow_noise=0.1)
    whole, parts = Student(TENANT, AT_ONCE), Student(TENANT, AT_ONCE)
    whole.learn(story)
    for start in range(0, len(story), 170):
        parts = Student.from_bytes(parts.to_bytes(), TENANT, AT_ONCE)
        parts.learn(story[start : start + 170])

    assert "slow" == whole.standing.champion
    assert whole.to_bytes() == parts.to_bytes()


def test_a_person_promotes_and_takes_it_back():
    """Each choice counts once, however often it is read."""
    student = Student(TENANT, AT_ONCE)
    followed = [student.choose(choice) for choice in (a_choice("slow"), a_choice("slow"), a_choice(THE_ONE_BEFORE, 2), a_choice(THE_ONE_BEFORE, 2))]
    then = student.standing.champion
    student.choose(a_choice("plain", 3))
    restored = Student.from_bytes(student.to_bytes(), TENANT, AT_ONCE)

    assert ([True, False, True, False], LEARNER) == (followed, then)
    assert Change("plain", "ops", student.standing.changes[-1].at) == restored.standing.changes[-1]
    assert not restored.choose(a_choice(THE_ONE_BEFORE, 2))


@pytest.mark.parametrize(("choices", "said"), [(["fast"], "no learner 'fast'"), ([THE_ONE_BEFORE], "nothing to go back to")])
def test_a_choice_that_cannot_be_followed_is_refused(choices: Sequence[str], said: str):
    """And nothing is changed by it."""
    student = Student(TENANT, AT_ONCE)
    before = student.to_bytes()
    with pytest.raises(PoisonRecordError, match=said):
        student.choose(a_choice(choices[0]))

    assert before == student.to_bytes()


def test_nobody_goes_back_to_a_learner_that_is_no_more():
    """The tenant's settings have dropped it."""
    student = Student(TENANT, AT_ONCE)
    for number, learner in enumerate(("slow", LEARNER)):
        student.choose(a_choice(learner, number))
    restored = Student.from_bytes(student.to_bytes(), TENANT, TenantPolicy(window_ms=None))
    with pytest.raises(PoisonRecordError, match="no learner 'slow'"):
        restored.choose(a_choice(THE_ONE_BEFORE, 7))

    assert (LEARNER, {LEARNER}) == (restored.standing.champion, set(restored.learners))


def test_a_champion_stays_when_the_settings_drop_it():
    """Scores follow it until somebody decides otherwise; a new challenger begins with nothing."""
    student = Student(TENANT, AT_ONCE)
    student.learn(a_market(20, champion_noise=0.5, slow_noise=0.5))
    student.choose(a_choice("slow"))
    restored = Student.from_bytes(student.to_bytes(), TENANT, TenantPolicy(window_ms=None, challengers=("fast",)))
    nothing = HazardLearner(prior=0.15, intervals=1, configuration="fast")

    assert ("slow", {LEARNER, "fast", "slow"}) == (restored.standing.champion, set(restored.learners))
    assert (student.champion.to_bytes(), nothing.to_bytes()) == (restored.champion.to_bytes(), restored.learners["fast"].to_bytes())


def test_the_plain_learner_never_sees_the_nightly_base():
    """It learns as if examples had no logit of it."""
    vector = FeatureVector(np.zeros(WIDTH, np.float32), np.array([PATTERN_MODEL], np.uint64), np.array([1.5], np.float32))
    seen, unseen = an_example()._replace(features=vector.to_bytes()), an_example()._replace(features=vector.without(PATTERN_MODEL).to_bytes())
    plain, blind, prox = (HazardLearner(prior=0.2, intervals=1, configuration=name) for name in ("plain", "plain", LEARNER))
    for learner, example in ((plain, seen), (blind, unseen), (prox, seen)):
        learner.learn(example)

    assert plain.to_bytes() == blind.to_bytes() != prox.to_bytes()


def a_week_of(model: VersionedModel) -> Lane:
    lane = Lane(policy=TenantPolicy(window_ms=DAY_MS), model_of=lambda _: model)
    lane.take(arrived(viewed_page(at=MONDAY), opened_email(at=later(MONDAY, hours=1)), viewed_page("bob", at=MONDAY), won(at=later(MONDAY, hours=5))))
    lane.advance()
    return lane


def test_challengers_change_nothing_that_is_published():
    """Scores, and examples but for what challengers said."""
    alone, beside = (
        a_week_of(VersionedModel(7, a_model())),
        a_week_of(VersionedModel(7, a_model(), shadows=(Shadow("slow", 3, a_model(shift=1.0)), Shadow("plain", 4, a_model(shift=-1.0))))),
    )
    nobody = {"shadow_learners": [], "shadow_propensities": [], "shadow_hazards": []}

    assert alone.scores == beside.scores
    assert alone.examples == [example._replace(**nobody) for example in beside.examples] != []


def test_what_challengers_said_is_what_they_would_publish():
    """Propensity and hazards, frozen when the event was scored."""
    beside = a_week_of(VersionedModel(7, a_model(), shadows=(Shadow("slow", 3, a_model(shift=1.0)),)))
    instead = a_week_of(VersionedModel(3, a_model(shift=1.0), learner="slow"))

    assert [frozen(example)["slow"] for example in instead.examples] == [frozen(example)["slow"] for example in beside.examples]
    assert {"slow"} == {score.learner for score in instead.scores}


def test_without_challengers_a_waiting_point_names_no_learner():
    """Most tenants have none, and each point would cost as much more."""
    lane = Lane(model_of=lambda _: VersionedModel(7, a_model()))
    lane.take(arrived(viewed_page(at=MONDAY)))

    assert [5] == [len(msgpack.unpackb(point[1:])) for point in lane.memories.points.values()]
