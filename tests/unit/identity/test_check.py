"""The check of identity, on a small crowd."""

from models.identity.check import START, check
from models.identity.report import missed, table
from models.journeys.crowd import crowd


def test_a_crowd_is_the_same_for_the_same_seed():
    """What is measured today can be measured again."""
    once, again = (list(crowd(tenant="t", seed=3, events=2_000, start=START)) for _ in range(2))

    assert once == again
    assert 2_000 == len({truth.event.event_id for truth in once})


def test_a_replay_gives_identical_leads():
    """Run again from its beginning, or its end twice, the log leaves the same knowledge."""
    checked = check(events=5_000, seed=3)

    assert checked.digest == checked.replayed == checked.repeated


def test_a_small_crowd_is_told_apart():
    """Far from the floors of a million events, where chance is small, and still close."""
    checked = check(events=20_000, seed=3)

    assert 0.99 < checked.pairwise.precision
    assert 0.96 < checked.pairwise.recall
    assert checked.pairwise.recall < checked.tied_recall


def test_what_falls_short_is_said():
    """A line for each floor that was missed, and a table whatever came out."""
    checked = check(events=500, seed=3)
    poor = checked._replace(pairwise=checked.pairwise._replace(precision=0.5, recall=0.5), replayed="other")

    assert 3 == len(missed(poor))
    assert 8 == table(checked).row_count
