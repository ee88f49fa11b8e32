import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.cassandra import ranking
from connectors.cassandra.ranking import BANDS, GRADES, Place, band_of, closing_rank, is_closing, place_of, rank_of
from tests.builders import MONDAY, TUESDAY
from tests.results import a_score

propensities = st.floats(0, 1)


@given(propensities, propensities)
def test_a_higher_propensity_is_never_in_a_lower_band(one: float, other: float):
    """So walking bands from the top walks leads from the top."""
    low, high = sorted((one, other))

    assert 0 <= band_of(low) <= band_of(high) < BANDS


def test_the_middle_of_the_bands_is_even_odds():
    """A half lies at the border of the two middle bands; nothing and certainty at the ends."""
    assert (0, 64, 127) == (band_of(0.0), band_of(0.5), band_of(1.0))


@given(propensities, st.sampled_from(GRADES), st.integers(0, (1 << 42) - 1), st.integers(1, 1 << 40))
def test_a_rank_knows_its_place_and_time(propensity: float, grade: str, at: int, sequence: int):
    """A rank gives the row's partition and time back and fits a signed long."""
    rank = rank_of(a_score(propensity=propensity, at=at, sequence=sequence, grade=grade))

    assert Place(grade, band_of(propensity)) == place_of(rank)
    assert at == ranking.as_of(rank)
    assert 0 <= rank < 1 << 62


@given(st.integers(0, (1 << 42) - 1), st.booleans(), propensities, st.sampled_from(GRADES), st.integers(1, 1 << 40))
def test_an_outcome_outdoes_every_score_of_its_instant(at: int, is_repeatable: bool, propensity: float, grade: str, sequence: int):
    """It has no place, and fits a signed long too."""
    closing = closing_rank(at, is_repeatable=is_repeatable)
    score = rank_of(a_score(propensity=propensity, at=at, sequence=sequence, grade=grade))

    assert (None, True, False) == (place_of(closing), is_closing(closing), is_closing(score))
    assert score < closing < 1 << 62


def test_a_later_rank_is_greater_whatever_its_band():
    """Time counts before sequence, and both before the band."""
    ranks = [
        rank_of(a_score(at=MONDAY, sequence=1, propensity=0.9)),
        rank_of(a_score(at=MONDAY, sequence=2, propensity=0.1)),
        rank_of(a_score(at=TUESDAY, sequence=3, propensity=0.05)),
    ]

    assert ranks == sorted(ranks)


def test_a_grade_that_does_not_exist_has_no_rank():
    """A score with a grade of another scale is refused, not filed somewhere."""
    with pytest.raises(ValueError, match="A1 to D3"):
        rank_of(a_score(grade="E1"))
