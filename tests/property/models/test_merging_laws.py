"""Laws of merging memories: no order matters, and what one memory of all events would hold is held."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models import memory as m
from models.memory import LeadMemory
from models.merging import FROM_ELSEWHERE, merge, part
from models.remembering import LIFE_DAY_MS, LIFE_HOUR_MS, LIFE_WEEK_MS
from schemas.enriched import EnrichedEvent
from schemas.policy import TenantPolicy
from tests.builders import MONDAY, TENANT, an_event, arrived
from tests.lane import Lane, Record
from tests.property.models.stories import policies

KEYS = (f"{TENANT}|ada", f"{TENANT}|bob", f"{TENANT}|cyd")
EXACT = (m.COUNT, m.FIRST_AT, m.LAST_AT, m.SESSION_EVENTS, m.SESSIONS, m.PREVIOUS_TYPE, m.GRADE, m.MAX_GAP_H, m.IS_WON)
DECAYED = slice(m.DECAYED_HOUR, m.DECAYED_WEEK + 1)
FADED = slice(m.FADED, m.STAGE)


@st.composite
def streams(draw: st.DrawFn) -> list[Record]:
    """Events of three leads, of few types, in order of time, no two at one instant."""
    at, records = MONDAY, []
    for number in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from((1, 60_000, 3_600_007, 86_400_000, 9 * 86_400_000)))
        kind = draw(st.sampled_from(("page_viewed", "email_opened", "demo_requested")))
        lead = draw(st.sampled_from(("ada", "bob", "cyd")))
        records.append(an_event(lead, at=at, type=kind, channel="web", event_id=f"e{number}"))
    return arrived(*records)


def memories(records: list[Record], policy: TenantPolicy) -> list[LeadMemory]:
    lane = Lane(policy=policy)
    lane.take(records)
    return [lane.memories.load(key) for key in KEYS]


def as_one(records: list[Record], policy: TenantPolicy) -> LeadMemory:
    lane = Lane(policy=policy)
    lane.take([record._replace(lead="ada", sequence=n) for n, record in enumerate(records, 1) if isinstance(record, EnrichedEvent)])
    return lane.memories.load(KEYS[0])


def same(one: LeadMemory, other: LeadMemory) -> bool:
    """Equal but for numbers of sequences, and decayed sums to the last digits."""
    points = [[point._replace(sequence=0) for point in memory.pending] for memory in (one, other)]
    slots = np.array_equal(one.row[m.TYPES : m.FADED], other.row[m.TYPES : m.FADED])
    slots &= np.array_equal(one.row[m.STAGE :], other.row[m.STAGE :]) and np.allclose(one.row[FADED], other.row[FADED], rtol=1e-9)
    exact = all(one.row[field] == other.row[field] for field in EXACT)
    outcome = one.row[m.OUTCOME_AT] == other.row[m.OUTCOME_AT] or (math.isnan(one.row[m.OUTCOME_AT]) and math.isnan(other.row[m.OUTCOME_AT]))
    return points[0] == points[1] and slots and exact and outcome and np.allclose(one.row[DECAYED], other.row[DECAYED], rtol=1e-9)


@settings(max_examples=25)
@given(streams(), policies)
def test_the_order_of_two_memories_does_not_matter(records: list[Record], policy: TenantPolicy):
    """Which lead survives is a matter of names alone."""
    ada, bob, _ = memories(records, policy)

    assert same(merge(ada, bob, policy).memory, merge(bob, ada, policy).memory)


@settings(max_examples=25)
@given(streams(), policies)
def test_three_memories_merge_in_any_grouping(records: list[Record], policy: TenantPolicy):
    """A chain of merges ends the same whichever came first."""
    ada, bob, cyd = memories(records, policy)

    assert same(merge(merge(ada, bob, policy).memory, cyd, policy).memory, merge(ada, merge(bob, cyd, policy).memory, policy).memory)


@settings(max_examples=25)
@given(streams(), policies)
def test_a_merged_memory_is_that_of_one_lead_that_did_it_all(records: list[Record], policy: TenantPolicy):
    """Counts, first touch, decayed sums, types and channels are as if there had been one lead from the start; visits may be more."""
    ada, bob, cyd = memories(records, policy)
    merged, whole = merge(merge(ada, bob, policy).memory, cyd, policy).memory, as_one(records, policy)
    slots = [dict(zip(row[m.TYPES : m.FADED : 3].tolist(), row[m.TYPES + 1 : m.FADED : 3].tolist(), strict=True)) for row in (merged.row, whole.row)]

    assert [merged.row[field] for field in (m.COUNT, m.FIRST_AT, m.LAST_AT)] == [whole.row[field] for field in (m.COUNT, m.FIRST_AT, m.LAST_AT)]
    assert np.allclose(merged.row[DECAYED], whole.row[DECAYED], rtol=1e-9)
    assert slots[0] == slots[1]
    assert merged.row[m.SESSIONS] >= whole.row[m.SESSIONS]
    assert [(p.as_of, p.draw) for p in merged.pending] == [(p.as_of, p.draw) for p in whole.pending]


@settings(max_examples=25)
@given(streams(), policies)
def test_nothing_merges_into_nothing_else(records: list[Record], policy: TenantPolicy):
    """A stranger's empty memory changes only numbers of sequences; and merging changes neither side."""
    ada, bob, _ = memories(records, policy)
    before = ada.to_bytes(), bob.to_bytes()

    assert same(merge(ada, LeadMemory.empty(), policy).memory, merge(LeadMemory.empty(), ada, policy).memory)
    assert ada.row[m.COUNT] == merge(ada, LeadMemory.empty(), policy).memory.row[m.COUNT]
    assert before == (ada.to_bytes(), bob.to_bytes())


@settings(max_examples=25)
@given(streams(), policies)
def test_every_kept_point_is_accounted_for(records: list[Record], policy: TenantPolicy):
    """The survivor's points keep their numbers, the other's get numbers that no lead's own sequence has; each waits on or is let go."""
    ada, bob, _ = memories(records, policy)
    merged = merge(ada, bob, policy)
    own = [point.sequence for point in merged.memory.pending if point.sequence < FROM_ELSEWHERE]
    foreign = {point.sequence for point in merged.memory.pending if point.sequence >= FROM_ELSEWHERE}

    assert sorted(point.sequence for point in ada.pending) == sorted([*own, *merged.dropped])
    assert foreign == set(merged.taken.values())
    assert merged.taken.keys() <= {point.sequence for point in bob.pending}
    assert ada.row[m.SEQUENCE] == merged.memory.row[m.SEQUENCE]


@settings(max_examples=25)
@given(streams(), policies)
def test_a_merge_that_is_undone_leaves_what_was_counted_before(records: list[Record], policy: TenantPolicy):
    """Counts, visits and decayed sums, of every type that had its slot."""
    ada, bob, _ = memories(records, policy)
    parted = part(merge(ada, bob, policy).memory, bob)
    slots = [dict(zip(row[m.TYPES : m.FADED : 3].tolist(), row[m.TYPES + 1 : m.FADED : 3].tolist(), strict=True)) for row in (parted.row, ada.row)]
    left, own = (_faded(memory.row) for memory in (parted, ada))

    assert [ada.row[field] for field in (m.COUNT, m.SESSIONS, m.SEQUENCE)] == [parted.row[field] for field in (m.COUNT, m.SESSIONS, m.SEQUENCE)]
    assert slots[0] == slots[1]
    assert left.keys() == own.keys()
    assert all(math.isclose(fade, own[name][0] * math.exp((own[name][1] - at) / LIFE_DAY_MS), abs_tol=1e-9) for name, (fade, at) in left.items())
    if ada.row[m.COUNT]:
        elapsed = np.exp((ada.row[m.LAST_AT] - parted.row[m.LAST_AT]) / np.array([LIFE_HOUR_MS, LIFE_DAY_MS, LIFE_WEEK_MS]))
        assert np.allclose(parted.row[DECAYED], ada.row[DECAYED] * elapsed, rtol=1e-6, atol=1e-9)


def _faded(row: m.Row) -> dict[tuple[bool, float], tuple[float, float]]:
    """Of each type and channel, what faded of its count as of its last time, and that time."""
    slots = row[m.TYPES : m.FADED].reshape(-1, m.TYPE_FIELDS).tolist()
    return {
        (place < m.TYPE_SLOTS, name): (fade, at)
        for place, ((name, _, at), fade) in enumerate(zip(slots, row[m.FADED : m.STAGE].tolist(), strict=True))
        if name
    }
