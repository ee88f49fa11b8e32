from datetime import datetime

from connectors.cassandra.months import millis, month_of, months_back
from connectors.cassandra.page import page_of, walk
from tests.builders import instant


def test_a_month_ends_where_the_next_begins():
    """The last millisecond of January is January's, the next one February's."""
    february = instant("2012-02-01")

    assert (201201, 201202) == (month_of(february - 1), month_of(february))


def test_months_are_walked_newest_first_over_the_turn_of_the_year():
    """Every month between two instants once, both ends included."""
    walked = list(months_back(instant("2012-02-15"), instant("2011-11-30")))

    assert [201202, 201201, 201112, 201111] == walked


def test_nothing_lies_between_an_end_and_a_later_start():
    """An empty span has no months."""
    assert [] == list(months_back(instant("2012-02-15"), instant("2012-03-01")))


def test_an_instant_keeps_its_milliseconds():
    """The driver's naive UTC instants are read to the millisecond."""
    assert instant("2012-01-03T09:00") + 123 == millis(datetime(2012, 1, 3, 9, 0, 0, 123_000))


def test_a_walk_stops_as_soon_as_it_has_enough():
    """Later months are not asked once the page is full, and each is asked only for what lacks."""
    asked: list[tuple[int, int]] = []

    def fetch(month: int, count: int) -> list[str]:
        asked.append((month, count))
        return [f"{month}"] * min(count, 2)

    rows = walk([3, 2, 1], fetch, 3)

    assert ["3", "3", "2"] == rows
    assert [(3, 3), (2, 1)] == asked


def test_a_full_page_names_the_last_item_it_gave():
    """One more than the limit says that there is more; no more says that this is the end."""
    assert (["a", "b"], "b") == page_of(["a", "b", "c"], 2, str)
    assert (["a", "b"], None) == page_of(["a", "b"], 2, str)
