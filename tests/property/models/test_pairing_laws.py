"""Laws of labels: each interval once, in order, by the definition, whenever the outcome arrives."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from models.memory import LeadMemory
from models.pairing import PENDING_LIMIT, draw, keep, new_point
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import MONDAY, lost, won
from tests.lane import Lane, Record
from tests.property.models.stories import expected_labels, is_outcome, once, played, policies, stories


@given(stories(with_outcomes=False), once, st.integers(0, 60 * DAY_MS), st.booleans(), st.integers(0, 40))
def test_an_outcome_may_arrive_before_or_after_its_events(records: list[Record], policy: TenantPolicy, after_ms: int, is_won: bool, place: int):
    """Wherever among the events it arrives, the labels are those of the definition."""
    outcome = (won if is_won else lost)(at=MONDAY + after_ms)
    whole = [*records[:place], outcome, *records[place:]]

    assert expected_labels(whole, policy) == sorted(played(whole, policy).labels)


@given(stories(), once.filter(lambda policy: policy.window_ms), st.randoms(use_true_random=False))
def test_outcomes_may_arrive_in_any_order(records: list[Record], policy: TenantPolicy, rng: object):
    """The earliest outcome counts, whichever is heard of first; but without a window the first one heard of labels at once."""
    events = [record for record in records if not is_outcome(record)]
    ends = list({(end.lead, end.occurred_at): end for end in records if is_outcome(end)}.values())
    rng.shuffle(ends)
    mixed = played([*ends, *events], policy)

    assert expected_labels([*events, *ends], policy) == sorted(mixed.labels)


@given(stories(), policies, st.lists(st.integers(0, 60 * DAY_MS), max_size=5))
def test_every_interval_is_labelled_once_and_in_order(records: list[Record], policy: TenantPolicy, looks: list[int]):
    """A point's labels are intervals 0, 1, 2 …, none twice, and nothing after a conversion."""
    lane = Lane(policy=policy)
    for record in records:
        lane.take([record])
    for look in [*sorted(looks), None]:
        lane.advance(*([] if look is None else [MONDAY + look]))
    of_point = groupby(sorted(lane.labels, key=lambda label: label[:2]), key=lambda label: label[:2])

    for _, labels in of_point:
        mine = list(labels)
        assert list(range(len(mine))) == [label.interval for label in mine]
        assert [False] * (len(mine) - 1) == [label.is_converted for label in mine[:-1]]


@given(stories(), policies)
def test_a_point_ends_with_one_final_example(records: list[Record], policy: TenantPolicy):
    """The last example of a point is final, and no other."""
    finals = [(one.lead, one.sequence, one.is_final) for one in played(records, policy).examples]
    of_point = {point: [one[2] for one in finals if one[:2] == point] for point in {one[:2] for one in finals}}

    assert all([False] * (len(flags) - 1) + [True] == flags for flags in of_point.values())


@given(stories(), policies)
def test_nothing_is_left_when_all_is_over(records: list[Record], policy: TenantPolicy):
    """Leads, points and dues are gone once the retention has passed."""
    lane = played(records, policy)

    assert ({}, {}, {}) == (lane.memories.leads, lane.memories.points, lane.store)


@given(st.text(max_size=6), st.integers(0, 2 * PENDING_LIMIT), st.randoms(use_true_random=False))
def test_the_sample_of_points_depends_on_their_events_alone(prefix: str, points: int, rng: object):
    """Never more than the limit wait, and those with the smallest draws, in whatever order they came."""
    numbers = list(range(points))
    rng.shuffle(numbers)
    memory = LeadMemory.empty()
    for number in numbers:
        keep(memory, new_point(memory, TenantPolicy(), sequence=number, as_of=MONDAY, event_id=f"{prefix}{number}"))
        assert len(memory.pending) <= PENDING_LIMIT
    smallest = sorted(numbers, key=lambda number: (draw(f"{prefix}{number}"), number))[:PENDING_LIMIT]

    assert sorted(smallest) == sorted(point.sequence for point in memory.pending)
