"""Laws of the nightly base."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.nightly.booster import fit
from models.nightly.columns import cleaned
from models.nightly.export import TOLERANCE, exported, parity, rounded_down
from models.nightly.session import Session, logistic
from tests.unit.nightly.grown import a_ripe_harvest


@given(st.floats(allow_nan=False), st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_rounding_a_threshold_down_changes_no_decision(threshold: float, value: float):
    """Value <= threshold is as true as value <= rounded_down(threshold), for every finite single-precision value."""
    assert (value <= threshold) == (value <= rounded_down(threshold))


@settings(max_examples=25)  # each grows a forest
@given(st.integers(0, 2**32 - 1))
def test_an_export_agrees_with_its_trees_at_and_around_every_threshold(seed: int):
    """On values that are thresholds, their neighbours, zeros and holes: wherever rounding could turn a decision."""
    ripe = a_ripe_harvest(300, seed=1)
    rng = np.random.default_rng(seed)
    matrix = rng.choice(np.array([0.0, -0.0, 1.0, np.nan, 0.1, 1e-38, -1e-38, 3e38], np.float32), (len(ripe.converted), 4))
    matrix[:, 3] = rng.normal(size=len(matrix))
    matrix = as_shown(matrix)
    trees = fit(matrix, ripe.converted)
    onnx = exported(trees, 4)
    thresholds = np.array([n["threshold"] for tree in trees.dump_model()["tree_info"] for n in splits(tree["tree_structure"])] or [0.0])
    at = thresholds[np.abs(thresholds) < 1e38].astype(np.float32)
    near = np.concatenate([at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))])
    hard = as_shown(rng.choice(near, (500, 4)))
    hard[rng.random(hard.shape) < 0.2] = np.nan

    assert parity(trees, onnx, hard) <= TOLERANCE
    assert np.isfinite(logistic(Session(onnx).raw(hard))).all()


def as_shown(matrix: np.ndarray) -> np.ndarray:
    return np.vectorize(cleaned, otypes=[np.float32])(matrix)


def splits(node: dict) -> list[dict]:
    return [node, *splits(node["left_child"]), *splits(node["right_child"])] if "threshold" in node else []
