from hypothesis import given
from hypothesis import strategies as st

from models.dataset.dataset import DataSet
from schemas.event import Event
from schemas.outcome import Outcome
from tests.unit.dataset.small import EVENTS, small

rows = st.tuples(
    st.sampled_from(["ada", "bob", "eve"]),
    st.integers(0, 40 * 24).map(lambda hours: f"2026-03-{1 + hours // 24 % 28:02d}T{hours % 24:02d}:00:00Z"),
    st.sampled_from(["visit", "call", "bought", "declined"]),
    st.sampled_from(["click", "system"]),
    st.sampled_from(["", "1", "2.5"]),
    st.sampled_from(["", "north", "a, b"]),
)
MANIFEST = EVENTS.replace('"visit" = "web"', '"visit" = "web", "declined" = "mail"').replace("horizon_days = 30", "horizon_days = 5")


def data_set(table: list[tuple[str, ...]]) -> DataSet:
    lines = [",".join(f'"{cell}"' for cell in row) for row in table]
    return small(MANIFEST, "\n".join(["lead,when,type,kind,size,place", *lines]) + "\n")


def identity(record: Event | Outcome) -> str:
    return record.event_id if isinstance(record, Event) else record.outcome_id


@given(st.lists(rows, max_size=25))
def test_records_are_in_order_of_time_and_named_once(table: list[tuple[str, ...]]):
    """Whatever the table, time never goes back and no two records share an id."""
    records = list(data_set(table).records())
    times = [record.occurred_at for record in records]

    assert (sorted(times), len(records)) == (times, len({identity(record) for record in records}))


@given(st.lists(rows, max_size=25))
def test_every_row_is_an_event(table: list[tuple[str, ...]]):
    """No row is lost: engagement or observation, each is sent."""
    sent = sum(isinstance(record, Event) and not record.event_id.endswith(":profile") for record in data_set(table).records())

    assert len(table) == sent


@given(st.lists(rows, max_size=25))
def test_a_scoring_point_lies_before_its_leads_outcome(table: list[tuple[str, ...]]):
    """Nothing is scored at or after the lead's first outcome."""
    data = data_set(table)
    ended: dict[str, int] = {}
    for record in data.records():
        if isinstance(record, Outcome):
            ended.setdefault(record.lead, record.occurred_at)

    assert all(point.occurred_at < ended.get(f"small:{point.lead}", point.occurred_at + 1) for point in data.scoring_points())
