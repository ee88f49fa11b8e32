"""Laws of the time to conversion."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.conversion_time import conversion_time, converted_by
from schemas.policy import TenantPolicy

ENDS = TenantPolicy().interval_ends_ms
hazards = st.lists(st.floats(0.0, 1.0), min_size=len(ENDS), max_size=len(ENDS)).map(np.array)


@given(hazards)
def test_the_last_day_has_the_propensity(of: np.ndarray):
    """Days only add, and end at the probability of the whole window."""
    time = conversion_time(1.0 - np.cumprod(1.0 - of), ENDS)

    assert 30 == len(time.by_day)
    assert bool((np.diff(time.by_day) >= -1e-12).all())
    assert abs(time.by_day[-1] - (1.0 - np.prod(1.0 - of))) < 1e-12


@given(hazards)
def test_the_date_lies_in_the_window(of: np.ndarray):
    """Mean and median alike."""
    time = conversion_time(1.0 - np.cumprod(1.0 - of), ENDS)

    assert 0.0 <= time.expected_ms <= ENDS[-1]
    assert 0.0 <= time.median_ms <= ENDS[-1]


def blended(of: list[np.ndarray], weights: list[float]) -> tuple[np.ndarray, np.ndarray, float]:
    trust = np.array(weights) / sum(weights)
    return np.concatenate(of)[None], trust, float(trust @ [1.0 - np.prod(1.0 - one) for one in of])


rates = st.lists(hazards.map(lambda of: np.clip(of, 0.0, 0.999)), min_size=4, max_size=4)
weights = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4)


@given(rates, weights, st.floats(1e-6, 1.0 - 1e-6))
def test_the_last_interval_has_the_published_propensity(of: list[np.ndarray], share: list[float], published: float):
    """Whatever the base made of it; intervals only add."""
    frozen, trust, _ = blended(of, share)
    [by_interval] = converted_by(frozen, trust, np.array([published]))

    assert abs(by_interval[-1] - published) < 1e-9
    assert bool((np.diff(by_interval) >= -1e-12).all())
    assert bool(((by_interval >= 0.0) & (by_interval <= 1.0)).all())


@given(rates, weights)
def test_without_a_base_the_intervals_are_those_of_the_mixture(of: list[np.ndarray], share: list[float]):
    """One curve for four rates says what they say together."""
    frozen, trust, own = blended(of, share)
    expected = sum(t * (1.0 - np.cumprod(1.0 - one)) for t, one in zip(trust, of, strict=True))
    [by_interval] = converted_by(frozen, trust, np.array([min(max(own, 1e-9), 1.0 - 1e-9)]))

    assert np.abs(by_interval - expected).max() < 1e-6


@given(st.lists(rates, min_size=1, max_size=9), weights)
def test_a_score_has_the_same_intervals_in_any_batch(leads: list[list[np.ndarray]], share: list[float]):
    """Alone, or among others, to the bit."""
    frozen = np.concatenate([blended(of, share)[0] for of in leads])
    trust = blended(leads[0], share)[1]
    published = np.linspace(0.1, 0.9, len(leads))
    alone = [converted_by(frozen[i : i + 1], trust, published[i : i + 1])[0].tolist() for i in range(len(leads))]

    assert alone == converted_by(frozen, trust, published).tolist()
