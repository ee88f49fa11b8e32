"""Strategies for what happens to a few leads, in order of time, as `score_leads` is given it."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import strategies as st

from models.pairing import PENDING_LIMIT
from schemas.event import OBSERVATION, PROFILE_UPDATED
from schemas.ids import lead_key
from schemas.outcome import WON
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import MONDAY, TENANT, an_event, arrived, lost, won
from tests.lane import Lane, LaneLabel, Record

TYPES = ("page_viewed", "email_opened", "demo_requested", *(f"type_{n}" for n in range(14)))
CHANNELS = ("web", "email", "phone", *(f"channel_{n}" for n in range(6)), OBSERVATION)
MOST_EVENTS = 30

gaps = st.sampled_from((0, 1, 999, 60_000, 3_600_007, DAY_MS // 30, DAY_MS, DAY_MS + 1, 3 * DAY_MS, 40 * DAY_MS))
"""Milliseconds between records: within a visit, within days, exactly an interval, beyond the window."""

delays = st.sampled_from((1, 60_000, 3_600_000, DAY_MS, 4 * DAY_MS))
"""How late an event arrives."""

kinds = st.sampled_from([(name, channel) for name in (*TYPES, PROFILE_UPDATED) for channel in CHANNELS])

policies = st.builds(
    TenantPolicy,
    window_ms=st.sampled_from((None, DAY_MS, 30 * DAY_MS)),
    skip_types=st.sampled_from((frozenset(), frozenset({"email_opened"}))),
    is_repeatable=st.booleans(),
    prior=st.sampled_from((0.02, 0.15, 0.6)),
)
once = policies.filter(lambda policy: not policy.is_repeatable)
"""Of leads that convert only once."""

properties = st.sampled_from((
    {},
    {"plan": "pro"},
    {"plan": "free", "amount": 1e308},
    {"seconds_on_page": 12.5},
    {"seconds_on_page": float("nan"), "plan": "pro"},
    {"amount": float("-inf"), "seconds_on_page": -3.0},
))  # fmt: skip
"""A few to choose from, as whole dictionaries are slow to draw; the codec's laws try all kinds of values."""


@st.composite
def stories(
    draw: st.DrawFn, *, tenants: Sequence[str] = (TENANT,), leads: Sequence[str] = ("ada", "bob"), with_outcomes: bool = True, with_late: bool = True
) -> list[Record]:
    """Events and outcomes of some leads, each instant later than the one before or the same; some events are late.

    A lead has PENDING_LIMIT events at most: what is sampled beyond it depends on when labels are taken, which is another law's business.
    """
    at = MONDAY
    events_of: Counter[tuple[str, str]] = Counter()
    story = []
    who = st.sampled_from([(tenant, lead) for tenant in tenants for lead in leads])
    for number in range(draw(st.integers(0, MOST_EVENTS))):
        at += draw(gaps)
        tenant, lead = draw(who)
        what = draw(st.integers(0 if with_outcomes else 2, 11))
        if what <= 1:
            story.append((won if what else lost)(lead, at=at, tenant=tenant, outcome_id=f"o{number}"))
            continue
        events_of[tenant, lead] += 1
        if events_of[tenant, lead] > PENDING_LIMIT:
            continue
        occurred_at = at - (draw(delays) if with_late and what <= 4 else 0)
        event_type, channel = draw(kinds)
        fields = {"tenant": tenant, "event_id": f"e{number}", "received_at": at, "properties": draw(properties)}
        story.append(an_event(lead, at=occurred_at, type=event_type, channel=channel, **fields))
    return arrived(*story)


cuts = st.lists(st.integers(1, MOST_EVENTS), max_size=6)
"""Where to cut a stream into batches."""


def keys_of(records: Sequence[Record]) -> list[str]:
    """The leads of a story."""
    return sorted({lead_key(record.tenant, record.lead) for record in records})


def is_outcome(record: Record) -> bool:
    """Whether it is an outcome."""
    return hasattr(record, "outcome_id")


def expected_labels(records: Sequence[Record], policy: TenantPolicy) -> list[LaneLabel]:
    """What is to be learned of a lead that converts at most once, by the definition: from all of its records, whenever they came.

    The slow and obvious way, to compare with.
    """
    labels = []
    for key in keys_of(records):
        mine = [record for record in records if lead_key(record.tenant, record.lead) == key]
        ends = [record for record in mine if is_outcome(record)]
        end = min(ends, key=lambda outcome: outcome.occurred_at) if ends else None
        as_of = 0
        for event in mine:
            if is_outcome(event) or event.channel == OBSERVATION or event.type == PROFILE_UPDATED:
                continue
            as_of = max(as_of, event.occurred_at)
            if event.type not in policy.skip_types:
                labels += [LaneLabel(key, event.sequence, k, converts) for k, converts in _intervals(as_of, end, policy)]
    return sorted(labels)


def _intervals(as_of: int, end: object, policy: TenantPolicy) -> list[tuple[int, bool]]:
    is_won = end is not None and end.outcome == WON
    if policy.window_ms is None:
        return [(0, is_won)] if end is not None and as_of <= end.occurred_at else []
    if end is not None and end.occurred_at <= as_of:
        return []
    intervals = []
    for k, edge in enumerate(policy.interval_ends_ms):
        converts = is_won and end.occurred_at - as_of <= edge
        intervals.append((k, converts))
        if converts:
            break
    return intervals


def played(records: Sequence[Record], policy: TenantPolicy) -> Lane:
    """A lane that took the records one at a time, and then everything matured."""
    lane = Lane(policy=policy)
    for record in records:
        lane.take([record])
    lane.advance()
    return lane
