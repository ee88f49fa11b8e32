"""A booster as ONNX, which says the same to 1e-5 or is not published."""

import math
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from models.nightly.session import IN, OUT, Session, logistic
from models.nightly.trees import Node, roots
from schemas.errors import ParityError

TOLERANCE = 1e-5
"""Largest difference of two propensities that counts as the same."""
LARGEST = float(np.finfo(np.float32).max)
ML_OPSET, OPSET, IR_VERSION = 3, 17, 8
"""Old enough for every onnxruntime of the last years; trees have not changed since."""


def exported(booster: lightgbm.Booster, width: int) -> bytes:
    """The booster's raw score, a logit, as an ONNX model: `columns` float32 (n, width) → `logit` float32 (n, 1).

    A threshold is rounded down to single precision, which changes no decision about a single-precision value; so nothing of the parity
    depends on values keeping away from thresholds. Written here because the converters need numbers of their own (scikit-learn, pandas)
    for what is a list of splits.

    Parameters
    ----------
    booster
        Of one class, without categorical splits.
    width
        How many columns it was trained on.
    """
    nodes = _Nodes()
    for tree, root in enumerate(roots(booster)):
        nodes.add(tree, root)
    ensemble = helper.make_node("TreeEnsembleRegressor", [IN], [OUT], domain="ai.onnx.ml", n_targets=1, **nodes.attributes())
    graph = helper.make_graph(
        [ensemble],
        "nightly",
        [helper.make_tensor_value_info(IN, TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(OUT, TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("ai.onnx.ml", ML_OPSET), helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="prox")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def parity(booster: lightgbm.Booster, onnx_bytes: bytes, matrix: npt.NDArray[np.float32]) -> float:
    """The largest difference of the two propensities of any row.

    Raises
    ------
    ParityError
        It is above TOLERANCE, or not a number: this export must not be published.
    """
    raw = np.asarray(booster.predict(matrix, raw_score=True, num_threads=1))
    difference = float(np.abs(logistic(raw) - logistic(Session(onnx_bytes).raw(matrix))).max(initial=0.0))
    if not difference <= TOLERANCE:
        raise ParityError(f"the ONNX model differs from LightGBM by {difference:.2g}, more than {TOLERANCE:g}: it is not published")
    return difference


class _Nodes:
    """The parallel lists of a tree ensemble."""

    def __init__(self) -> None:
        self._nodes: dict[str, list[Any]] = {
            "treeids": [],
            "nodeids": [],
            "modes": [],
            "featureids": [],
            "values": [],
            "truenodeids": [],
            "falsenodeids": [],
            "missing_value_tracks_true": [],
        }
        self._targets: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}

    def attributes(self) -> dict[str, list[Any]]:
        """As the operator names them."""
        return {f"nodes_{name}": values for name, values in self._nodes.items()} | {
            f"target_{name}": values for name, values in self._targets.items()
        }

    def add(self, tree: int, root: Node) -> None:
        """Add a tree; its nodes are numbered as they are met, upper ones first."""
        queue = [root]
        for number, node in enumerate(queue):
            if "leaf_value" in node:
                self._append(tree, number, "LEAF", 0, 0.0, 0, 0, False)
                for name, value in {"treeids": tree, "nodeids": number, "ids": 0, "weights": node["leaf_value"]}.items():
                    self._targets[name].append(value)
                continue
            # LightGBM takes NaN for 0 where training met none
            missing_goes_left = node["default_left"] if node["missing_type"] == "NaN" else 0.0 <= node["threshold"]
            left = len(queue)
            queue += [node["left_child"], node["right_child"]]
            self._append(tree, number, "BRANCH_LEQ", node["split_feature"], rounded_down(node["threshold"]), left, left + 1, missing_goes_left)

    def _append(self, *fields: Any) -> None:
        for values, field in zip(self._nodes.values(), fields, strict=True):
            values.append(int(field) if isinstance(field, bool) else field)


def rounded_down(threshold: float) -> float:
    """The greatest finite single-precision number that is not above this one, or minus infinity.

    LightGBM parts holes from all numbers at a threshold of 1e300.

    Examples
    --------
    >>> rounded_down(0.1) < 0.1 < rounded_down(0.1) + 1e-8
    True
    >>> rounded_down(0.5)
    0.5
    """
    nearest = np.float32(min(max(threshold, -LARGEST), LARGEST))
    # compared as doubles: numpy would round the threshold to single precision first
    if float(nearest) <= threshold:
        return float(nearest)
    return -math.inf if nearest == -LARGEST else float(np.nextafter(nearest, np.float32(-np.inf)))
