"""A kept vector does not depend on the order of its features."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.features.registry import WIDTH
from models.features.sorting import in_order
from models.features.vector import FeatureVector, vector_from_bytes

features = st.lists(st.tuples(st.integers(0, 2**64 - 1) | st.integers(0, 3), st.floats(width=32, allow_nan=False)), max_size=30)


@given(features)
def test_features_are_sorted_by_id_and_those_of_one_id_stay_as_they_were(pairs: list[tuple[int, float]]):
    """As numpy's stable sort has them; nothing else changes."""
    ids, values = np.array([one for one, _ in pairs], np.uint64), np.array([value for _, value in pairs], np.float32)
    dense = np.arange(WIDTH, dtype=np.float32)
    order = np.argsort(ids, kind="stable")

    assert FeatureVector(dense, ids[order], values[order]).to_bytes() == in_order(FeatureVector(dense, ids, values))


@given(features, st.randoms())
def test_any_order_gives_the_same_bytes(pairs, random):
    """Of features with different ids."""
    once = list(dict(pairs).items())
    shuffled = random.sample(once, len(once))
    dense = np.zeros(WIDTH, np.float32)
    kept = [
        in_order(FeatureVector(dense, np.array([one for one, _ in some], np.uint64), np.array([value for _, value in some], np.float32)))
        for some in (once, shuffled)
    ]

    assert kept[0] == kept[1]
    assert len(once) == len(vector_from_bytes(kept[0]).ids)
