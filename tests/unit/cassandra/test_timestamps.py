from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from connectors.cassandra.timestamps import earliest_timestamp_of, profile_timestamp, score_timestamp, write_timestamp_of
from tests.builders import FRIDAY, MONDAY, TUESDAY
from tests.results import a_score, an_enriched

times = st.integers(0, (1 << 42) - 1)


def test_a_later_score_wins_then_the_higher_sequence_then_the_newer_model():
    """The order of write timestamps is the order in which scores count."""
    ordered = [a_score(at=at, sequence=s, model_version=v) for at, s, v in product((MONDAY, TUESDAY), (1, 2), (7, 8))]
    shuffled = [ordered[n] for n in (5, 2, 7, 0, 3, 6, 1, 4)]

    assert ordered == sorted(shuffled, key=score_timestamp)


@given(times, st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_a_timestamp_is_a_positive_long(at: int, sequence: int, version: int):
    """Cassandra takes a signed 64-bit integer, and no time, sequence or version goes beyond it."""
    score = a_score(at=at, sequence=1)._replace(sequence=sequence, model_version=version)

    assert 0 <= score_timestamp(score) < 1 << 62


@given(times, times)
def test_the_earliest_instant_has_the_highest_of_its_timestamps(one: int, other: int):
    """Whatever the order of writes, `first_seen` keeps the earliest."""
    assert (one < other) == (earliest_timestamp_of(one) > earliest_timestamp_of(other))


def test_two_updates_in_one_millisecond_are_told_apart():
    """Of two profile updates at once the same one wins in any order."""
    one, other = an_enriched(at=MONDAY, event_id="a"), an_enriched(at=MONDAY, event_id="b")

    assert profile_timestamp(one) != profile_timestamp(other)
    assert profile_timestamp(other) < profile_timestamp(an_enriched(at=FRIDAY, event_id="a"))


def test_a_fact_has_one_timestamp():
    """A repeat writes the same cells at the same timestamp."""
    assert write_timestamp_of(1) == 1 << 20
