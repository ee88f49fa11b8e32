"""Laws of the time to conversion."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.conversion_time import conversion_time, mixed_hazards
from schemas.policy import TenantPolicy

ENDS = TenantPolicy().interval_ends_ms
hazards = st.lists(st.floats(0.0, 1.0), min_size=len(ENDS), max_size=len(ENDS)).map(np.array)


@given(hazards)
def test_the_last_day_has_the_propensity(of: np.ndarray):
    """Days only add, and end at the probability of the whole window."""
    time = conversion_time(of, ENDS)

    assert 30 == len(time.by_day)
    assert bool((np.diff(time.by_day) >= -1e-12).all())
    assert abs(time.by_day[-1] - (1.0 - np.prod(1.0 - of))) < 1e-12


@given(hazards)
def test_the_date_lies_in_the_window(of: np.ndarray):
    """Mean and median alike."""
    time = conversion_time(of, ENDS)

    assert 0.0 <= time.expected_ms <= ENDS[-1]
    assert 0.0 <= time.median_ms <= ENDS[-1]


@given(st.lists(hazards, min_size=4, max_size=4), st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4))
def test_mixed_hazards_give_the_mixed_propensity(of: list[np.ndarray], weights: list[float]):
    """One curve for four rates says what they say together."""
    trust = np.array(weights) / sum(weights)
    mixed = mixed_hazards(np.concatenate(of), trust)

    assert abs((1.0 - np.prod(1.0 - mixed)) - sum(t * (1.0 - np.prod(1.0 - one)) for t, one in zip(trust, of, strict=True))) < 1e-9
