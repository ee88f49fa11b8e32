"""What an account's score promises."""

from math import isclose, prod

from hypothesis import given
from hypothesis import strategies as st

from models.account import BUYING_GROUP, account_score

propensities = st.lists(st.floats(0.0, 1.0), max_size=30)
ABOUT = 1e-12
"""What a sum of logarithms may be off."""


@given(propensities, st.randoms(use_true_random=False))
def test_no_order_of_leads_changes_a_bit(leads, random):
    """A partition is read in the order of names, which says nothing."""
    shuffled = random.sample(leads, len(leads))

    assert account_score(leads) == account_score(shuffled)


@given(propensities)
def test_an_account_is_as_good_as_its_best_lead_or_better(leads):
    """And no better than all of its leads together."""
    score = account_score(leads)

    assert max(leads, default=0.0) <= score <= min(1.0, sum(leads)) + ABOUT


@given(propensities, st.floats(0.0, 1.0))
def test_one_lead_more_lowers_nothing(leads, another):
    """Whoever joins."""
    assert account_score(leads) <= account_score([*leads, another]) + ABOUT


@given(st.lists(st.floats(0.0, 1.0), max_size=BUYING_GROUP))
def test_a_buying_group_is_counted_whole(leads):
    """One minus the probability that all stay away, each by itself."""
    assert isclose(account_score(leads), 1.0 - prod(1.0 - p for p in leads), abs_tol=ABOUT)


@given(st.floats(0.0, 1.0), st.integers(0, 1_000))
def test_a_crowd_of_faint_readers_is_no_purchase(propensity, more):
    """Beyond a buying group nobody adds anything."""
    group = [propensity] * BUYING_GROUP

    assert account_score(group) == account_score(group + [propensity] * more)
