"""Points of a lane's leads, a page for each lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.operators.lane_points import LanePoints, page_from_bytes
from schemas.errors import FatalError
from tests.unit.jobs.fakes import FakeMapState

LEADS = ("acme|ada", "acme|bob", "acme|eve")
STEPS = st.lists(
    st.tuples(st.sampled_from(["save", "drop", "flush", "restore"]), st.sampled_from(LEADS), st.integers(1, 4), st.binary(min_size=1, max_size=3)),
    max_size=40,
)


def points_in(pages: dict[str, bytes], singles: dict[str, bytes], limit: int = 1) -> LanePoints:
    return LanePoints(FakeMapState(lambda: pages), FakeMapState(lambda: singles), limit=limit)


@given(STEPS, st.dictionaries(st.tuples(st.sampled_from(LEADS), st.integers(1, 4)), st.binary(min_size=1, max_size=3)))
def test_points_are_a_mapping_that_outlives_its_operator(steps: list[tuple[str, str, int, bytes]], before: dict[tuple[str, int], bytes]):
    """Whatever is saved and dropped between two flushes, with room for one page, and with points of the release before."""
    pages: dict[str, bytes] = {}
    singles = {f"{key}#{sequence}": point for (key, sequence), point in before.items()}
    points, meant = points_in(pages, singles), dict(before)
    for step, key, sequence, point in steps:
        if step == "save" and (key, sequence) not in meant:  # a sequence is kept once
            points.save(key, sequence, point)
            meant[key, sequence] = point
        elif step == "drop" and (key, sequence) in meant:
            points.drop(key, sequence)
            del meant[key, sequence]
        elif step != "save":
            points.flush()
            points = points_in(pages, singles) if step == "restore" else points
        assert all(kept == points.load(*place) for place, kept in meant.items())
    points.flush()

    kept = {(key, sequence) for key, page in pages.items() for sequence in page_from_bytes(page)}
    assert meant.keys() == kept | {(key.partition("#")[0], int(key.partition("#")[2])) for key in singles}
    assert all(page_from_bytes(page) for page in pages.values())


def test_a_point_that_is_not_there_is_fatal():
    """A memory says that it waits: state is not whole, and no label may be made up."""
    with pytest.raises(FatalError, match=r"no point 3 of acme\|ada"):
        points_in({}, {}).load("acme|ada", 3)


def test_a_page_of_a_newer_release_is_refused():
    """This one would lose what it cannot read."""
    with pytest.raises(FatalError, match="version 9"):
        page_from_bytes(b"\x09")
