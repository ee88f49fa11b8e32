"""The engine's rules, one story each."""

import math

from models import memory as m
from models.due import BUCKET_MS
from models.engine import Engine
from models.explanations import in_words
from models.pairing import PENDING_LIMIT
from models.replay import DictMemories
from models.scorer import REASONS
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import (
    MONDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    arrived,
    later,
    lost,
    observed,
    opened_email,
    reopened,
    updated_profile,
    viewed_page,
    won,
)
from tests.lane import NOW, Lane, LaneLabel

WEEK = TenantPolicy(window_ms=7 * DAY_MS)
AT_ONCE = TenantPolicy(window_ms=None)
ADA = "acme|ada"


def test_every_engagement_is_scored():
    """Each event of a lead gives one score that names it, its place and the model."""
    scores = Lane().take(arrived(viewed_page(at=MONDAY), opened_email(at=TUESDAY)))

    assert [("ada-page_viewed-1772442000000", 1, 7), ("ada-email_opened-1772528400000", 2, 7)] == [
        (score.event_id, score.sequence, score.model_version) for score in scores
    ]


def test_a_score_says_what_its_reasons_stand_for_how_sure_it_is_and_when():
    """Each reason with its value, words and all; the labels behind the model; a probability by interval that ends at the propensity."""
    [score] = Lane().take(arrived(viewed_page(at=MONDAY, seconds=900.0)))

    assert len(score.reason_features) == len(score.reason_values) == REASONS
    assert "seconds on page is 900" in [in_words(name, value) for name, value in zip(score.reason_features, score.reason_values, strict=True)]
    assert (100, 5) == (score.evidence, len(score.converted_by))
    assert math.isclose(score.converted_by[-1], score.propensity, rel_tol=1e-12)


def test_a_score_names_the_company_as_known_at_its_event():
    """None before anybody has named one; then on every score, whatever its event says."""
    scores = Lane().take(arrived(viewed_page(at=MONDAY), viewed_page(at=TUESDAY, account_id="lovelace-ltd"), viewed_page(at=WEDNESDAY)))

    assert [None, "lovelace-ltd", "lovelace-ltd"] == [score.account_id for score in scores]


def test_without_a_window_a_score_has_no_date():
    """An outcome may come whenever."""
    [score] = Lane(policy=AT_ONCE, model_of=lambda _: None).take(arrived(viewed_page(at=MONDAY)))

    assert ([], 0) == (score.converted_by, score.evidence)


def test_observations_and_profile_updates_are_not_scored():
    """What is no engagement moves nothing: it is neither scored nor counted."""
    lane = Lane()
    with_others = lane.take(arrived(observed(at=MONDAY), updated_profile(at=MONDAY), viewed_page(at=TUESDAY)))

    assert [3] == [score.sequence for score in with_others]
    assert 1.0 == lane.memories.load(ADA).row[m.COUNT]


def test_a_profile_speaks_in_every_later_score():
    """A trait that is known of the lead is a feature of its events from then on."""
    plain, known = Lane(), Lane()
    plain.take(arrived(viewed_page(at=TUESDAY)))
    known.take(arrived(updated_profile(at=MONDAY, plan="pro"), viewed_page(at=TUESDAY)))

    assert plain.scores[0].feature_digest != known.scores[0].feature_digest


def test_types_to_skip_are_remembered_but_not_scored():
    """A tenant may leave a type unscored; it still counts for the events after it."""
    lane = Lane(policy=TenantPolicy(skip_types=frozenset({"email_opened"})))
    scores = lane.take(arrived(opened_email(at=MONDAY), viewed_page(at=TUESDAY)))

    assert [2] == [score.sequence for score in scores]
    assert 2.0 == lane.memories.load(ADA).row[m.COUNT]


def test_reasons_name_what_moved_the_score_the_strongest_first():
    """At most three features, in words, by the size of their share."""
    reasons = Lane().take(arrived(viewed_page(at=MONDAY, seconds=900.0)))[0].reasons

    assert REASONS == len(reasons)
    assert sorted(reasons, key=lambda reason: -abs(reason.contribution)) == reasons
    assert "seconds_on_page" in [reason.feature for reason in reasons]


def test_a_score_is_explained_to_the_last_digit():
    """Baseline, reasons and rest add up to the logit of what is published, with a trained model too."""
    for score in Lane().take(arrived(viewed_page(at=MONDAY, seconds=900.0), opened_email(at=TUESDAY))):
        logit = math.log(score.propensity / (1.0 - score.propensity))
        told = score.baseline + sum(score.reason_shares) + score.rest

        assert abs(logit - told) < 1e-9
        assert 0.0 != score.rest


def test_reasons_keep_their_names_when_ten_thousands_of_words_are_met_at_once():
    """A batch full of new words takes no name from the events that came before it in the batch."""
    calm, flooded = Lane(), Lane()
    story = [viewed_page(at=MONDAY, seconds=900.0)]
    flood = [viewed_page("bob", at=MONDAY, event_id=f"b{n}", properties={f"word_{n}_{i}": "x" for i in range(1_000)}) for n in range(201)]
    calm.take(arrived(*story))
    flooded.take(arrived(*story, *flood))

    assert calm.scores[0] == flooded.scores[0]


def test_a_first_grade_has_none_to_hold_on_to():
    """A stranger's grade is the band of its first measures, without the margin that later moves must pass."""
    [score] = Lane(policy=TenantPolicy(prior=0.105), model_of=lambda _: None).take(arrived(viewed_page(at=MONDAY)))

    assert "C2" == score.grade


def test_a_late_event_is_scored_as_of_the_leads_latest():
    """Time of a lead never goes back."""
    scores = Lane().take(arrived(viewed_page(at=WEDNESDAY), opened_email(at=MONDAY)))

    assert [WEDNESDAY, WEDNESDAY] == [score.as_of for score in scores]


def test_a_conversion_in_the_window_is_learned_when_its_interval_ends():
    """An outcome two and a half days after the event: no in intervals 0 to 2, yes in 3, the one that holds it."""
    lane = Lane(policy=WEEK)
    lane.take(arrived(viewed_page(at=MONDAY), won(at=later(MONDAY, days=2.5))))

    assert [] == lane.examples
    lane.advance()
    assert [LaneLabel(ADA, 1, 0, False), LaneLabel(ADA, 1, 1, False), LaneLabel(ADA, 1, 2, False), LaneLabel(ADA, 1, 3, True)] == lane.labels


def test_silence_is_learned_interval_by_interval():
    """A lead that does nothing gives a no at the end of each interval, each once."""
    lane = Lane(policy=WEEK)
    lane.take(arrived(viewed_page(at=MONDAY)))
    seen = []
    for day in range(9):
        lane.advance(later(MONDAY, days=day, minutes=11))
        seen.append(len(lane.labels))

    assert [0, 2, 3, 3, 4, 4, 4, 5, 5] == seen
    assert [LaneLabel(ADA, 1, k, False) for k in range(5)] == lane.labels


def test_an_outcome_after_the_window_is_no_conversion():
    """Won eight days after the only event: five times no."""
    lane = Lane(policy=WEEK)
    lane.take(arrived(viewed_page(at=MONDAY), won(at=later(MONDAY, days=8))))
    lane.advance()

    assert [False] * 5 == [label.is_converted for label in lane.labels]


def test_an_outcome_on_the_last_instant_of_the_window_is_a_conversion():
    """The window's end belongs to it."""
    lane = Lane(policy=WEEK)
    lane.take(arrived(viewed_page(at=MONDAY), won(at=later(MONDAY, days=7))))
    lane.advance()

    assert [False, False, False, False, True] == [label.is_converted for label in lane.labels]


def test_a_lost_lead_is_a_no_in_every_interval():
    """A loss is a no in its interval and in the later ones."""
    lane = Lane(policy=WEEK)
    lane.take(arrived(viewed_page(at=MONDAY), lost(at=TUESDAY)))
    lane.advance()

    assert [False] * 5 == [label.is_converted for label in lane.labels]


def test_nothing_is_scored_after_a_lead_that_converts_once_has_converted():
    """The story has ended: later events are remembered, but neither scored nor learned."""
    lane = Lane(policy=WEEK)
    lane.take(arrived(viewed_page(at=MONDAY), won(at=TUESDAY), viewed_page(at=WEDNESDAY)))
    lane.advance()

    assert [1] == [score.sequence for score in lane.scores]
    assert {1} == {label.sequence for label in lane.labels}
    assert 2.0 == lane.memories.load(ADA).row[m.COUNT] or ADA not in lane.memories.leads


def test_a_lead_that_is_reopened_is_scored_on_and_was_never_won():
    """Its later events are scored, and its points are labelled by what happens from then on."""
    lane = Lane(policy=WEEK)
    lane.take(arrived(viewed_page(at=MONDAY), lost(at=TUESDAY), reopened(at=TUESDAY), viewed_page(at=WEDNESDAY), won(at=THURSDAY)))
    lane.advance()

    assert [1, 2] == [score.sequence for score in lane.scores]
    assert {1, 2} == {label.sequence for label in lane.labels if label.is_converted}


def test_a_lead_that_converts_again_and_again_is_scored_on():
    """Each event of a repeatable tenant is paired with the first outcome after it."""
    lane = Lane(policy=WEEK._replace(is_repeatable=True))
    lane.take(arrived(viewed_page(at=MONDAY), won(at=TUESDAY), viewed_page(at=WEDNESDAY), won(at=THURSDAY)))
    lane.advance()

    assert [1, 2] == [score.sequence for score in lane.scores]
    assert [(1, True), (2, True)] == [(label.sequence, label.is_converted) for label in lane.labels if label.is_converted]


def test_an_outcome_before_its_events_gives_the_same_labels():
    """Topics pass each other: an outcome that comes first waits with its lead."""
    before, after = Lane(policy=WEEK), Lane(policy=WEEK)
    event, outcome = arrived(viewed_page(at=MONDAY), won(at=TUESDAY))
    before.take([outcome, event])
    after.take([event, outcome])
    before.advance()
    after.advance()

    assert after.examples == before.examples
    assert 1 == len([label for label in before.labels if label.is_converted])


def test_without_a_window_an_outcome_labels_every_event_before_it_at_once():
    """The outcome is the label, and needs no time to pass."""
    lane = Lane(policy=AT_ONCE)
    lane.take(arrived(viewed_page(at=MONDAY), opened_email(at=TUESDAY), won(at=TUESDAY)))

    assert [LaneLabel(ADA, 1, 0, True), LaneLabel(ADA, 2, 0, True)] == lane.labels


def test_without_a_window_an_outcome_that_came_first_labels_its_event_at_once():
    """An outcome that carries its event's own instant may arrive before it; nothing else would ever bring the label."""
    lane = Lane(policy=AT_ONCE)
    event, outcome = arrived(viewed_page(at=MONDAY), won(at=MONDAY))
    lane.take([outcome])
    lane.take([event])

    assert [LaneLabel(ADA, 1, 0, True)] == lane.labels
    assert {} == lane.memories.points


def test_a_late_event_after_the_outcome_teaches_nothing():
    """An event from before the outcome that comes when the lead's time is past it is neither scored nor learned."""
    lane = Lane(policy=WEEK)
    lane.take(arrived(viewed_page(at=MONDAY), won(at=TUESDAY), viewed_page(at=THURSDAY), opened_email(at=later(MONDAY, hours=5))))
    lane.advance()

    assert {1} == {label.sequence for label in lane.labels}
    assert [1] == [score.sequence for score in lane.scores]


def test_only_so_many_points_wait():
    """Beyond the limit a sample is kept, and what is dropped leaves nothing behind."""
    lane = Lane()
    lane.take(arrived(*(viewed_page(at=later(MONDAY, minutes=i)) for i in range(PENDING_LIMIT + 20))))

    assert PENDING_LIMIT == len(lane.memories.points)
    assert set(lane.memories.points) == {(ADA, point.sequence) for point in lane.memories.load(ADA).pending}


def test_a_lead_waits_once_for_each_due():
    """Many events of one day queue their lead once, not once each."""
    lane = Lane(policy=WEEK)
    for record in arrived(*(viewed_page(at=later(MONDAY, minutes=i)) for i in range(20))):
        lane.take([record])

    assert 1 == sum(len(value.split(b"\n")) for value in lane.store.values())


def test_a_lead_that_waited_for_its_last_day_is_looked_at_earlier_for_a_label():
    """An event that is not scored queues its lead for the day it is forgotten; a score brings it forward."""
    lane = Lane(policy=WEEK._replace(skip_types=frozenset({"email_opened"})))
    for record in arrived(opened_email(at=MONDAY), viewed_page(at=MONDAY)):
        lane.take([record])
    lane.advance(later(MONDAY, days=8))

    assert 5 == len(lane.labels)


def test_a_silent_lead_is_forgotten_whole():
    """After the retention nothing is left of the lead, and all that could be learned of it was."""
    lane = Lane(policy=WEEK, retention_ms=30 * DAY_MS)
    lane.take(arrived(viewed_page(at=MONDAY)))
    lane.advance(later(MONDAY, days=31))

    assert 5 == len(lane.labels)
    assert ({}, {}, {}) == (lane.memories.leads, lane.memories.points, lane.store)


def test_points_that_no_outcome_ever_came_to_go_with_their_lead():
    """Without a window silence says nothing: the points of a forgotten lead are dropped without a label."""
    lane = Lane(policy=AT_ONCE, retention_ms=30 * DAY_MS)
    lane.take(arrived(viewed_page(at=MONDAY)))
    lane.advance(later(MONDAY, days=31))

    assert ([], {}, {}) == (lane.labels, lane.memories.leads, lane.memories.points)


def test_a_lead_that_acts_again_is_not_forgotten():
    """The retention counts from the latest event."""
    lane = Lane(policy=WEEK, retention_ms=30 * DAY_MS)
    for at in (MONDAY, later(MONDAY, days=20)):
        lane.take([event._replace(sequence=int(at)) for event in arrived(viewed_page(at=at))])
    lane.advance(later(MONDAY, days=31))

    assert [ADA] == list(lane.memories.leads)


def test_an_outcome_of_an_unknown_lead_waits_and_goes():
    """It scores nothing, and is forgotten like any silent lead."""
    lane = Lane(retention_ms=30 * DAY_MS)
    lane.take([won(at=MONDAY)])

    assert [ADA] == list(lane.memories.leads)
    lane.advance(later(MONDAY, days=31))
    assert {} == lane.memories.leads


def test_a_lead_that_was_queued_and_forgotten_is_no_trouble():
    """A due entry may outlive its lead."""
    examples, due = Engine({}).mature([ADA], DictMemories(), now=MONDAY)

    assert ([], {}) == (examples, due)


def test_the_wall_clock_is_only_written_down():
    """Scores differ in nothing but `scored_at` when they are made at another hour."""
    engine = Engine({})
    batch = arrived(viewed_page(at=MONDAY))
    first, second = (engine.process(batch, DictMemories(), lambda _: None, now=now).scores for now in (NOW, later(NOW, days=1)))

    assert first == [score._replace(scored_at=NOW) for score in second]


def test_dues_are_late_by_ten_minutes_at_most():
    """A label waits for its bucket, never longer."""
    lane = Lane(policy=WEEK)
    lane.take(arrived(viewed_page(at=MONDAY)))
    end = later(MONDAY, days=7)
    lane.advance(end - 1)
    waiting = 5 - len(lane.labels)
    lane.advance(end + BUCKET_MS)

    assert (1, 5) == (waiting, len(lane.labels))
