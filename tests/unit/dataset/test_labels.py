import pytest

from models.dataset.dataset import Counts
from models.dataset.manifest import Known
from schemas.errors import ConfigError
from schemas.event import Event
from schemas.ids import Millis
from schemas.outcome import LOST, WON, Outcome
from tests.builders import instant, later
from tests.unit.dataset.small import EVENTS, LEADS, LEADS_TABLE, TABLE, changed, small

DATED = changed(changed(LEADS, 'known = "at_once"', 'time_column = "closed"'), '[dropped]\nclosed = "when it was decided"\n', "")
HORIZON = changed(DATED, 'time_column = "closed"', 'time_column = "closed"\nhorizon_days = 1')


def labels(*args: str) -> list[tuple[str, bool]]:
    return [(point.event_id, point.is_converted) for point in small(*args).scoring_points()]


def outcomes(manifest: str, *, known: Known | None = None, table: str = LEADS_TABLE) -> list[tuple[str, str, Millis]]:
    return [(r.lead, r.outcome, r.occurred_at) for r in small(manifest, table, known=known).records() if isinstance(r, Outcome)]


def test_only_events_strictly_before_the_outcome_are_scored():
    """The event that is the outcome, and whatever comes later, is not scored; rows that are no events neither."""
    assert [("small:0", True), ("small:1", False), ("small:2", True)] == labels()


def test_a_loss_ends_a_lead():
    """After a loss nothing is scored, though the lead may buy later."""
    assert [("small:0", False), ("small:1", False)] == labels(changed(EVENTS, '["declined"]', '["call"]'))


def test_an_outcome_outside_the_events_counts():
    """A row left out by where still ends its lead."""
    assert [("small:0", False), ("small:1", False)] == labels(changed(EVENTS, '["declined"]', '["task"]'))


def test_an_outcome_outside_the_events_is_sent():
    """Its outcome record follows its observation."""
    data = small(changed(EVENTS, '["declined"]', '["task"]'))
    sent = [r.outcome_id for r in data.records() if isinstance(r, Outcome)]

    assert ["small:3:outcome", "small:4:outcome"] == sent


def test_types_that_are_skipped_are_not_scored():
    """They are sent all the same."""
    data = small(changed(EVENTS, "[outcome]", '[score]\nskip_types = ["visit"]\n[outcome]'))

    assert (1, 5) == (data.counts().scoring_points, data.counts().events)


def test_a_conversion_after_the_horizon_does_not_count():
    """The lead converts in (t, t + H], or not."""
    within_a_day = changed(EVENTS, "horizon_days = 30", "horizon_days = 1")

    assert [("small:0", False), ("small:1", False), ("small:2", True)] == labels(within_a_day)[:3]


def test_a_window_that_is_not_fully_observed_is_left_out():
    """The end of observation is the last time in the table, of any row."""
    assert "small:5" not in dict(labels())


def test_counts_are_what_a_manifest_expects():
    """The numbers of [expect] are found."""
    assert Counts(file_rows=6, events=5, leads=2, scoring_points=3, scored_leads=2, converted=2, base_rate=0.6667) == small().counts()


def test_without_a_horizon_every_row_is_a_point():
    """One label per point, whenever it came."""
    assert [("leads:0", True), ("leads:1", False), ("leads:2", False)] == labels(LEADS, LEADS_TABLE)


@pytest.mark.parametrize(
    ("known", "days"),
    [("at_once", (0, 1, 2)), ("next_day", (1, 2, 3))],
)
def test_a_run_may_say_when_labels_are_known(known: Known, days: tuple[int, ...]):
    """At once is after the row itself, the next day is the midnight that follows."""
    monday = instant("2026-03-02")

    assert [later(monday, days=day) for day in days] == [at for _, _, at in outcomes(LEADS, known=known)]


def test_an_outcome_with_a_time_comes_then():
    """Without a horizon, one that has no time is known when the observation ends."""
    closed = instant("2026-03-05")

    assert [("leads:9", LOST, instant("2026-03-04")), ("leads:7", WON, closed), ("leads:8", LOST, closed)] == outcomes(DATED)


def test_an_outcome_is_at_least_its_delay_later_than_the_event():
    """A date that is older than the row it belongs to is moved."""
    delayed = changed(DATED, 'time_column = "closed"', 'time_column = "closed"\nmin_delay_hours = 36')
    moved = {lead: at for lead, _, at in outcomes(delayed)}

    assert later(instant("2026-03-04"), hours=36) == moved["leads:9"]


def test_with_a_horizon_silence_stays_silence():
    """A lead without a date of its outcome has no outcome record; the time column counts for the end of observation."""
    assert [("leads:9", LOST), ("leads:7", WON)] == [(lead, outcome) for lead, outcome, _ in outcomes(HORIZON)]


def test_with_a_horizon_a_late_conversion_counts_as_not():
    """Three days are more than the horizon of one."""
    assert [("leads:0", False), ("leads:1", False), ("leads:2", False)] == labels(HORIZON, LEADS_TABLE)


def test_a_value_may_mean_converted_by_being_there():
    """Any value is a conversion, a hole is none."""
    manifest = changed(DATED, 'column = "answer"\nconverted = ["yes"]\nlost = ["no"]', 'column = "closed"\nconverted_when = "present"')
    manifest = changed(manifest, "[outcome]", '[dropped]\nanswer = "the same"\n[outcome]')

    assert [True, False, True] == [is_converted for _, is_converted in labels(manifest, LEADS_TABLE)]


def test_a_conversion_without_a_time_is_refused_where_a_horizon_needs_it():
    """It can be in no window."""
    with pytest.raises(ConfigError, match="converted rows have no time"):
        small(HORIZON, changed(LEADS_TABLE, "2026-03-05", ""))


def test_a_run_may_not_say_when_where_a_horizon_does():
    """Known is for labels without a horizon."""
    with pytest.raises(ConfigError, match="known"):
        small(EVENTS, TABLE, known="at_once")


def test_an_outcome_never_comes_before_its_event():
    """Whatever the table says, the lead is met before it ends."""
    order = [type(r).__name__ for r in small(DATED, changed(LEADS_TABLE, "no,2026-03-04", "no,2026-03-01")).records() if r.lead == "leads:9"]

    assert [Event.__name__, Event.__name__, Outcome.__name__] == order
