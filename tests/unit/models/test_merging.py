"""Two memories of one person, one story each."""

import pytest

from models import memory as m
from models import pairing
from models.memory import LeadMemory, PendingPoint
from models.merging import FROM_ELSEWHERE, merge, part
from schemas.ids import Millis
from schemas.policy import TenantPolicy
from tests.builders import FRIDAY, MONDAY, TUESDAY, enriched, later, viewed_page, won
from tests.lane import Lane

ONCE, AGAIN = TenantPolicy(), TenantPolicy(is_repeatable=True)


def memory_of(*records: object, policy: TenantPolicy = ONCE) -> LeadMemory:
    lane = Lane(policy=policy)
    for record in records:
        lane.take(enriched(record) if hasattr(record, "event_id") else [record])
    return lane.memories.load("acme|ada")


def test_an_outcome_of_one_labels_the_points_of_the_other():
    """The visitor's pages count as a customer's once the two are one."""
    merged = merge(memory_of(viewed_page(at=MONDAY)), memory_of(won(at=FRIDAY)), ONCE).memory

    assert [(FRIDAY, 1)] == [(point.outcome_at, point.is_won) for point in merged.pending]
    assert (FRIDAY, 1.0) == (merged.row[m.OUTCOME_AT], merged.row[m.IS_WON])


def test_points_after_the_outcome_wait_no_longer():
    """A lead that converts once is of no more interest afterwards, under whichever id it came."""
    page, deal = memory_of(viewed_page(at=later(FRIDAY, hours=1))), memory_of(won(at=FRIDAY))
    stays, comes = merge(page, deal, ONCE), merge(deal, page, ONCE)

    assert ([], [1], {}) == (stays.memory.pending, stays.dropped, stays.taken)
    assert ([], [], {}) == (comes.memory.pending, comes.dropped, comes.taken)


def test_of_two_outcomes_the_earlier_or_the_later_stays():
    """The earlier where a lead converts once, the later where it may again."""
    tuesday, friday = (memory_of(won(at=at)) for at in (TUESDAY, FRIDAY))

    assert [TUESDAY, FRIDAY] == [merge(friday, tuesday, policy).memory.row[m.OUTCOME_AT] for policy in (ONCE, AGAIN)]


def test_a_sample_of_the_points_stays():
    """Too many to wait are sampled by their draw, as one memory would have done."""
    points = [PendingPoint(n, MONDAY + n, 0, draw=1_000 - n) for n in range(1, pairing.PENDING_LIMIT - 3)]
    one, other = LeadMemory.empty(), LeadMemory.empty()
    one.pending, other.pending = points, [point._replace(as_of=point.as_of + 500, draw=point.draw + 2_000) for point in points]
    merged = merge(one, other, ONCE)

    assert pairing.PENDING_LIMIT == len(merged.memory.pending)
    assert points == merged.memory.pending[: len(points)]
    last = len(points)
    assert {last: FROM_ELSEWHERE + last - 1, last - 1: FROM_ELSEWHERE + last - 2} == {n: merged.taken[n] for n in (last, last - 1)}
    assert 4 == len(merged.taken)


def test_the_lead_is_to_be_queued_anew():
    """Labels of the other's points may be due earlier than those that the survivor was queued for."""
    one = memory_of(viewed_page(at=MONDAY))
    one.row[m.QUEUED_FOR] = Millis(MONDAY + 5)

    assert pytest.approx(0.0) == merge(one, one, ONCE).memory.row[m.QUEUED_FOR]


def test_what_was_merged_can_be_taken_out_again():
    """Counts and decayed sums are those that the survivor had alone; its first touch stays the earlier one."""
    ada, bob = memory_of(viewed_page(at=TUESDAY)), memory_of(viewed_page(at=MONDAY))
    parted = part(merge(ada, bob, ONCE).memory, bob)

    assert (1.0, MONDAY) == (parted.row[m.COUNT], parted.row[m.FIRST_AT])
    assert pytest.approx(ada.row[m.DECAYED_HOUR : m.DECAYED_WEEK + 1]) == parted.row[m.DECAYED_HOUR : m.DECAYED_WEEK + 1]
    assert ada.row[m.TYPES + 1] == parted.row[m.TYPES + 1]


def test_nothing_is_left_of_a_lead_that_was_all_of_another():
    """As a stranger, but for its sequence: what comes again is still known as a repeat."""
    bob = memory_of(viewed_page(at=MONDAY))
    alone = merge(LeadMemory.empty(), bob, ONCE).memory
    alone.row[m.SEQUENCE] = 7.0
    parted = part(alone, bob)

    assert [0.0, 7.0, -1.0, MONDAY] == [parted.row[field] for field in (m.COUNT, m.SEQUENCE, m.GRADE, m.LAST_AT)]
    assert not parted.row[m.TYPES :].any()
