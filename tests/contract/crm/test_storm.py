"""A small storm; `make storm` raises the one of 100,000 scores."""

from tests.storm import storm


def test_a_storm_loses_nothing_and_turns_nothing_back():
    """Every fault at once, the pusher killed with -9 in the middle: each contact shows its lead's latest grade, within the quota."""
    left = storm(100, 3_000, kills=1, per_s=100.0, haste=5)

    assert (0, 0, 0) == (left.wrong, left.backwards, left.exceeded)
    assert 1 == len(left.restarts)
    assert left.writes >= left.leads
