"""When an interval's label is known, and what it is."""

import pytest

from models.memory import IS_WON, OUTCOME_AT, LeadMemory, PendingPoint
from models.pairing import KeptPoint, Label, is_open, label, new_point, next_due, note_outcome, note_reopening, point_from_bytes
from schemas.errors import FatalError
from schemas.policy import TenantPolicy
from tests.builders import MONDAY, TUESDAY, WEDNESDAY, later

MONTH = TenantPolicy()
AT_ONCE = TenantPolicy(window_ms=None)
AGAIN = TenantPolicy(is_repeatable=True)
POINT = PendingPoint(sequence=1, as_of=MONDAY, next_interval=0, draw=0)


def days(number: float) -> int:
    return later(MONDAY, days=number)


def test_nothing_is_known_within_the_first_interval():
    """A day must be over, to the millisecond."""
    assert (None, Label(0, 0, False, False, days(1))) == (label(POINT, MONTH, days(1) - 1), label(POINT, MONTH, days(1)))


def test_what_was_labelled_is_not_labelled_again():
    """The next interval follows, when it is over."""
    second = POINT._replace(next_interval=1)

    assert (None, Label(1, 1, False, False, days(3))) == (label(second, MONTH, days(2)), label(second, MONTH, days(3)))


def test_silence_through_the_window_is_final():
    """All five intervals are a no."""
    assert Label(0, 4, False, True, days(30)) == label(POINT, MONTH, days(99))


def test_a_conversion_is_known_at_the_end_of_its_interval():
    """Won on the second day: not on that day, but at the end of the third."""
    point = POINT._replace(outcome_at=days(2), is_won=1)

    assert Label(0, 0, False, False, days(1)) == label(point, MONTH, days(2))
    assert Label(0, 1, True, True, days(3)) == label(point, MONTH, days(3))


def test_a_conversion_heard_of_late_counts_in_the_next_interval():
    """Won within the first day, but heard of after that day's no was learned."""
    point = POINT._replace(next_interval=1, outcome_at=days(0.5), is_won=1)

    assert Label(1, 1, True, True, days(3)) == label(point, MONTH, days(4))


def test_without_a_window_the_outcome_is_all_there_is():
    """No outcome, no label; then one, at the outcome's instant."""
    assert None is label(POINT, AT_ONCE, days(999))
    assert Label(0, 0, True, True, TUESDAY) == label(POINT._replace(outcome_at=TUESDAY, is_won=1), AT_ONCE, 0)


def test_the_earliest_outcome_counts():
    """A later one is not heard; an earlier one, though it arrives later, takes its place."""
    memory = LeadMemory.empty()
    for at, is_won in ((TUESDAY, True), (WEDNESDAY, False), (MONDAY, False)):
        note_outcome(memory, MONTH, at=at, is_won=is_won)

    assert (MONDAY, 0.0) == (memory.row[OUTCOME_AT], memory.row[IS_WON])


@pytest.mark.parametrize("policy", [MONTH, AT_ONCE, AGAIN])
def test_an_outcome_that_arrives_twice_counts_once(policy: TenantPolicy):
    """At least once means twice now and then: memory and points are as after the first."""
    once, twice = LeadMemory.empty(), LeadMemory.empty()
    for memory in (once, twice):
        memory.pending = [POINT]
    for memory in (once, twice, twice):
        note_outcome(memory, policy, at=TUESDAY, is_won=True)

    assert (once.to_bytes(), once.pending) == (twice.to_bytes(), twice.pending)


@pytest.mark.parametrize(("policy", "expected"), [(MONTH, [1]), (AGAIN, [1, 0])])
def test_a_deal_that_was_won_and_is_reopened_stays_a_conversion(policy: TenantPolicy, expected: list[int]):
    """What was true of a point when the deal was won is not taken back; only a tenant whose leads convert again pairs later points with the loss."""
    memory = LeadMemory.empty()
    memory.pending = [POINT, POINT._replace(sequence=2, as_of=TUESDAY + 1)]
    note_outcome(memory, policy, at=TUESDAY, is_won=True)
    note_outcome(memory, policy, at=WEDNESDAY, is_won=False)

    assert expected == [point.is_won for point in memory.pending]


def test_a_reopening_takes_back_what_was_said_before_it():
    """Points wait on as if nothing had been said, and the lead is open; what is said of a later instant stays."""
    memory, later_won = LeadMemory.empty(), LeadMemory.empty()
    for one, at in ((memory, TUESDAY), (later_won, WEDNESDAY + 1)):
        one.pending = [POINT]
        note_outcome(one, MONTH, at=at, is_won=True)
        note_reopening(one, at=WEDNESDAY)

    assert ([POINT], True) == (memory.pending, is_open(memory, MONTH, WEDNESDAY + 2))
    assert ([1], False) == ([point.is_won for point in later_won.pending], is_open(later_won, MONTH, WEDNESDAY + 2))


def test_points_after_an_outcome_wait_no_more():
    """They are given back, so that what is kept of them can go."""
    memory = LeadMemory.empty()
    memory.pending = [POINT, POINT._replace(sequence=2, as_of=TUESDAY), POINT._replace(sequence=3, as_of=WEDNESDAY)]
    after = note_outcome(memory, MONTH, at=TUESDAY, is_won=True)

    assert ([2, 3], [1]) == ([point.sequence for point in after], [point.sequence for point in memory.pending])


def test_a_repeatable_tenant_hears_every_outcome():
    """Each point keeps the first outcome after it, and no point goes."""
    policy, memory = AGAIN, LeadMemory.empty()
    memory.pending = [POINT]
    gone = note_outcome(memory, policy, at=TUESDAY, is_won=False)
    memory.pending.append(new_point(memory, policy, sequence=2, as_of=TUESDAY, event_id="e2"))
    gone += note_outcome(memory, policy, at=WEDNESDAY, is_won=True)

    assert ([], [(TUESDAY, 0), (WEDNESDAY, 1)]) == (gone, [(point.outcome_at, point.is_won) for point in memory.pending])


@pytest.mark.parametrize(
    ("policy", "expected"), [(MONTH, [True, False, False]), (AT_ONCE, [True, True, False]), (MONTH._replace(is_repeatable=True), [True] * 3)]
)
def test_a_story_ends_with_its_outcome(policy: TenantPolicy, expected: list[bool]):
    """Before, at and after an outcome: with a window only before it, without one its own instant too; a repeatable story never ends."""
    memory = LeadMemory.empty()
    note_outcome(memory, policy, at=TUESDAY, is_won=True)

    assert expected == [is_open(memory, policy, at) for at in (MONDAY, TUESDAY, WEDNESDAY)]


def test_the_next_due_is_the_earliest_end():
    """Of all points that wait; none without a window, or without points."""
    memory = LeadMemory.empty()
    nothing = next_due(memory, MONTH)
    memory.pending = [POINT._replace(next_interval=2), POINT._replace(as_of=TUESDAY)]

    assert (None, None, later(TUESDAY, days=1)) == (nothing, next_due(memory, AT_ONCE), next_due(memory, MONTH))


def test_a_kept_point_of_another_version_is_refused():
    """A newer release's bytes are not guessed at."""
    data = KeptPoint("e1", 7, 0.5, (0.1, 0.2), b"vector").to_bytes()

    with pytest.raises(FatalError, match="version 9"):
        point_from_bytes(b"\x09" + data[1:])
