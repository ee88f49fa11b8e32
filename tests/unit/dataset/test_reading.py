from schemas.event import OBSERVATION, PROFILE_UPDATED, Event
from schemas.ids import Millis
from schemas.outcome import LOST, WON, Outcome
from tests.builders import instant, later
from tests.unit.dataset.small import EVENTS, LEADS, LEADS_TABLE, TABLE, changed, small

FACT = Event | Outcome


def told(records: list[FACT]) -> list[tuple[str, str]]:
    return [(r.lead, r.type) if isinstance(r, Event) else (r.lead, r.outcome) for r in records]


def properties(*args: str) -> list[dict[str, str | float]]:
    return [r.properties for r in small(*args).records() if isinstance(r, Event) and r.type != PROFILE_UPDATED]


def event_times(*args: str) -> list[Millis]:
    return [r.occurred_at for r in small(*args).records() if isinstance(r, Event) and r.type != PROFILE_UPDATED]


def test_rows_become_records_in_order_of_time():
    """A profile update comes before the event that brought it, an outcome after its event, all in order of time."""
    expected = [
        ("small:ada", PROFILE_UPDATED),
        ("small:ada", "visit"),
        ("small:bob", "visit"),
        ("small:ada", "call"),
        ("small:ada", "task"),
        ("small:ada", PROFILE_UPDATED),
        ("small:ada", "bought"),
        ("small:ada", WON),
        ("small:bob", PROFILE_UPDATED),
        ("small:bob", "visit"),
    ]

    assert expected == told(list(small().records()))


def test_a_record_is_named_by_its_row():
    """Ids follow from the file, so a replay sends the same ones again."""
    first, second, *_ = small().records()

    assert ("small:0:profile", "small:0") == (getattr(first, "event_id", ""), getattr(second, "event_id", ""))


def test_a_row_that_is_no_event_is_an_observation():
    """Rows left out by where are kept and shown, not scored."""
    task = next(r for r in small().records() if isinstance(r, Event) and r.type == "task")

    assert OBSERVATION == task.channel


def test_a_missing_attribute_is_left_out():
    """A hole is no value: neither a number nor a text stands for it."""
    assert {} == properties()[1]


def test_a_row_is_received_when_it_happened():
    """A replay does not depend on when it runs."""
    records = list(small().records())

    assert [r.occurred_at for r in records] == [r.received_at for r in records]


def test_the_number_of_records_is_known_before():
    """A progress bar can show how far a replay is."""
    data = small()

    assert len(list(data.records())) == data.record_count()


def test_an_offset_in_a_time_is_kept():
    """10:00+01:00 is 09:00 UTC: the rows of that instant keep the order of the file."""
    assert [instant("2026-03-02T09:00")] * 2 == event_times()[:2]


def test_ties_are_ordered_by_their_column():
    """Where a tie column is given, it decides among rows of one instant; numbers as numbers."""
    table = "lead,when,type,kind,size,place\n" + "".join(f"ada,2026-03-02T09:00:00Z,visit,click,{size},x\n" for size in (10, 9, 100))
    data = small(changed(EVENTS, 'format = "iso8601"', 'format = "iso8601"\ntie_column = "size"'), table)
    sizes = [r.properties["size"] for r in data.records() if isinstance(r, Event) and r.type == PROFILE_UPDATED]

    assert [9.0, 10.0, 100.0] == sizes


def test_a_date_is_its_midnight_or_the_time_of_day_given():
    """A date without a time happens at midnight UTC, or when the manifest says."""
    at_noon = changed(LEADS, 'column = "created"', 'column = "created"\ntime_of_day = "12:00"')
    midnight = instant("2026-03-02")

    assert (midnight, later(midnight, hours=12)) == (event_times(LEADS, LEADS_TABLE)[0], event_times(at_noon, LEADS_TABLE)[0])


def test_a_pattern_reads_times():
    """Any strptime pattern will do; one without an hour is a date."""
    manifest = changed(LEADS, 'column = "created"', 'column = "created"\nformat = "%d/%m/%y"\ntime_of_day = "06:30"')
    table = "id,created,source,answer,closed\n1,02/03/26,web,yes,\n"

    assert [instant("2026-03-02T06:30")] == event_times(manifest, table)


def test_an_order_becomes_times():
    """Without times, rows are a step apart, sorted by a column as a number."""
    manifest = changed(
        LEADS, 'kind = "timestamp"\ncolumn = "created"', 'kind = "order"\ncolumn = "id"\nstart = "2026-03-02T00:00:00Z"\nstep_seconds = 60'
    )
    manifest = changed(manifest, 'closed = "', 'created = "unused"\nclosed = "')
    table = "id,created,source,answer,closed\n10,,b,yes,\n9,,a,no,\n"
    rows = [(r.occurred_at, r.lead) for r in small(manifest, table).records() if isinstance(r, Event) and r.type == "lead_recorded"]
    start = instant("2026-03-02")

    assert [(start, "leads:9"), (later(start, minutes=1), "leads:10")] == rows


MONTH_DAY = """
manifest = 1
name = "calls"
mode = "leads"
[file]
path = "table.csv"
delimiter = "whitespace"
header = ["month", "day", "answer"]
[lead]
row = true
[time]
kind = "month_day"
month_column = "month"
day_column = "day"
first_year = 2023
rollover_months = 3
step_seconds = 1
[event]
type = "call"
channel = "phone"
[outcome]
from = "column"
column = "answer"
converted = [1]
lost = [0]
known = "next_day"
"""


def test_years_are_rebuilt_from_months_and_days():
    """The year grows when the month falls far, a day beyond its month is the month's last, and time never goes back."""
    table = "DECember 30 1\nfeb 31 0\n\njan  15 0\n mar 1 1\n"
    days = ["2023-12-30", "2024-02-29", "2024-02-29", "2024-03-01"]
    expected = [later(instant(day), seconds=i) for i, day in enumerate(days)]

    assert expected == event_times(MONTH_DAY, table)


def test_a_row_may_be_a_lead_of_its_own():
    """Its id is its position in the sorted table."""
    leads = [r.lead for r in small(MONTH_DAY, "may 1 1\nmay 2 0\n").records() if isinstance(r, Event)]

    assert ["calls:0", "calls:1"] == leads


def test_an_outcome_known_the_next_day_comes_before_that_days_events():
    """What is known at midnight may be learned before an event of midnight is scored."""
    expected = [("calls:0", "call"), ("calls:0", WON), ("calls:1", "call"), ("calls:1", LOST)]
    manifest = changed(MONTH_DAY, "step_seconds = 1", "step_seconds = 0")

    assert expected == told(list(small(manifest, "may 1 1\nmay 2 0\n").records()))


def test_columns_are_transformed():
    """log1p, prefixes and multiples; one column may feed several attributes."""
    manifest = changed(
        EVENTS,
        'size = { column = "size", kind = "numeric", scope = "profile" }\nplace = { column = "place", kind = "categorical", scope = "event" }',
        'size = { column = "size", kind = "numeric", scope = "event", transform = "log1p" }\n'
        'ten = { column = "size", kind = "categorical", scope = "event", transform = "multiple_of", step = 10, otherwise = "odd" }\n'
        'side = { column = "place", kind = "categorical", scope = "event", transform = "prefix", length = 2 }',
    )
    last = properties(manifest)[-1]

    assert {"size": 1.791759469228055, "ten": "odd", "side": "so"} == last
    assert "10" == properties(manifest)[0]["ten"]


def test_only_rows_of_the_file_that_are_wanted_exist():
    """Rows left out by the file's where are gone, unlike those that are no events."""
    manifest = changed(EVENTS, 'path = "table.csv"', 'path = "table.csv"\nwhere = { lead = ["bob"] }')
    data = small(manifest)

    assert (6, 2, 1) == (data.counts().file_rows, data.counts().events, data.counts().leads)


def test_what_means_no_value_is_the_manifests_to_say():
    """Texts listed under missing are holes; where can ask for holes by such a text."""
    manifest = changed(EVENTS, 'path = "table.csv"', 'path = "table.csv"\nmissing = ["", "north"]\nwhere = { place = ["north"] }')

    assert [{}, {}, {}, {}] == properties(manifest)


def test_a_join_adds_columns_of_the_first_match():
    """A left join: the first match counts, and no match gives holes."""
    manifest = changed(
        EVENTS, "[lead]", '[[joins]]\npath = "other.csv.gz"\ndelimiter = ";"\nmissing = ["-"]\non = "place"\ncolumns = ["region", "rank"]\n[lead]'
    )
    manifest = changed(
        manifest, "[outcome]", 'region = { column = "region", kind = "categorical", scope = "event" }\n[dropped]\nrank = "not needed"\n[outcome]'
    )
    other = "place;region;rank;more\nnorth;cold;1;x\nnorth;warm;2;x\nsouth;-;3;x\n"
    data = small(manifest, TABLE, other_csv_gz=other)
    regions = [r.properties.get("region") for r in data.records() if isinstance(r, Event) and r.type != PROFILE_UPDATED]

    assert ["cold", None, "cold", None, "cold", None] == regions


PURCHASES = """
manifest = 1
name = "shop"
mode = "events"
[file]
path = "table.csv"
delimiter = "whitespace"
header = ["customer", "date", "pieces", "value"]
sum_by = ["customer", "date"]
sum = ["pieces", "value"]
[lead]
column = "customer"
[time]
kind = "timestamp"
column = "date"
format = "%Y%m%d"
[event]
type = "purchase"
channel = "shop"
[attributes]
pieces = { column = "pieces", kind = "numeric", scope = "event" }
value = { column = "value", kind = "numeric", scope = "event" }
[outcome]
from = "events"
converted = ["purchase"]
repeatable = true
horizon_days = 7
"""
BOUGHT = " 1 20260301 1 10.5\n 1 20260301 2 5.25\n 1 20260305 1 1\n 2 20260306 4 8\n 1 20260330 1 1\n"


def test_rows_are_summed():
    """Rows equal in all sum_by columns become one, under the number of the first."""
    first, *_ = small(PURCHASES, BOUGHT).records()

    assert (0, {"pieces": 3.0, "value": 15.75}) == (int(getattr(first, "event_id", "").split(":")[1]), getattr(first, "properties", {}))


def test_a_lead_that_converts_again_and_again_is_scored_on_every_event():
    """The label looks at the first conversion strictly later; windows that are not observed are left out."""
    points = [(p.event_id, p.is_converted) for p in small(PURCHASES, BOUGHT).scoring_points()]

    assert [("shop:0", True), ("shop:2", False), ("shop:3", False)] == points


def test_a_table_without_rows_has_no_records():
    """A header alone is an empty data set, and no error."""
    assert [] == list(small(EVENTS, "lead,when,type,kind,size,place\n").records())
