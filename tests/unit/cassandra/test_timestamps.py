from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from connectors.cassandra.timestamps import SCORED_MASK, SCORED_SHIFT, earliest_timestamp_of, profile_timestamp, score_timestamp, write_timestamp_of
from tests.builders import FRIDAY, MONDAY, TUESDAY, later
from tests.results import a_score, an_enriched

times = st.integers(0, (1 << 42) - 1)


def test_a_later_score_wins_then_the_higher_sequence_then_the_one_scored_last():
    """The order of write timestamps is the order in which scores count."""
    times = (FRIDAY, later(FRIDAY, seconds=2))
    ordered = [a_score(at=at, sequence=s, scored_at=scored_at) for at, s, scored_at in product((MONDAY, TUESDAY), (1, 2), times)]
    shuffled = [ordered[n] for n in (5, 2, 7, 0, 3, 6, 1, 4)]

    assert ordered == sorted(shuffled, key=score_timestamp)


@given(times, st.integers(0, 2**63 - 1), times)
def test_a_timestamp_is_a_positive_long(at: int, sequence: int, scored_at: int):
    """Cassandra takes a signed 64-bit integer, and no time or sequence goes beyond it."""
    score = a_score(at=at, sequence=1)._replace(sequence=sequence, scored_at=scored_at)

    assert 0 <= score_timestamp(score) < 1 << 62


UNIT_MS = 1 << SCORED_SHIFT


@given(times, st.integers(UNIT_MS, SCORED_MASK * UNIT_MS))
def test_two_scores_of_one_event_never_mix(scored_at: int, later_ms: int):
    """Whatever models gave them: a restart takes more than a second and less than 523, and each score has a timestamp of its own."""
    one, other = (a_score()._replace(scored_at=at) for at in (scored_at, scored_at + later_ms))

    assert score_timestamp(one) != score_timestamp(other)


@given(times, times)
def test_the_earliest_instant_has_the_highest_of_its_timestamps(one: int, other: int):
    """Whatever the order of writes, `first_seen` keeps the earliest."""
    assert (one < other) == (earliest_timestamp_of(one) > earliest_timestamp_of(other))


def test_of_two_updates_in_one_millisecond_the_one_that_was_enriched_last_wins():
    """It holds the traits of both; and any update of a later time wins over both."""
    updates = [an_enriched(at=MONDAY, sequence=1), an_enriched(at=MONDAY, sequence=2), an_enriched(at=MONDAY + 1, sequence=1)]

    assert updates == sorted(updates, key=profile_timestamp)
    assert 3 == len({profile_timestamp(update) for update in updates})


def test_a_fact_has_one_timestamp():
    """A repeat writes the same cells at the same timestamp."""
    assert write_timestamp_of(1) == 1 << 20
