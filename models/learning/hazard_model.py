"""What was learned, as a value: everything that scoring needs, in bytes and out of them."""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import msgpack
import numpy as np
import numpy.typing as npt

from models.features.registry import DENSE, WIDTH
from models.features.vector import dense_id
from models.learning.configurations import RATES
from models.learning.encoding import EDGES
from models.learning.regression import parts_of
from models.learning.table import attribute_table, column_table
from schemas.errors import PoisonRecordError

VERSION = 4
BEFORE_SLOPE = 3
"""A version whose mixture with the base had no slope."""
ATTRIBUTES = 256
"""Attributes of one tenant that are learned from; those met later are left out."""
COLUMNS = 1 << 14
"""Features that have weights of their own; those met later are left out."""
EXPERTS = len(RATES) + 1
"""What Hedge weighs: a regression at each rate, and the belief (`learning.belief`)."""

Array = npt.NDArray[Any]

SCALARS, SCALARS_BEFORE_SLOPE = 9, 7
_ARRAYS = {
    "attributes": "<u4",
    "flags": "|u1",
    "mean": "<f8",
    "scale": "<f8",
    "edge_count": "|u1",
    "edges": "<f4",
    "keys": "<u8",
    "groups": "<i2",
    "is_cross": "|u1",
    "weight": "<f4",
    "baseline": "<f4",
    "trust": "<f8",
}


class HazardModel(NamedTuple):
    """A tenant's model, ready to score; made by `HazardLearner.model`, `untrained` or `model_from_bytes`.

    Parameters
    ----------
    intervals
        K, at least 1.
    evidence
        Labels of the tenant's own that it rests on: how sure it may be.
    start
        The logit of every hazard before any label.
    context
        Attribute that is crossed with all others; -1: none.
    with_clock
        Whether hour and weekday count.
    base_share
        Share of the nightly base in the logit of the score, 0 to 1, where a vector carries the base's logit.
    base_mean
        The base's mean logit.
    slope, pivot
        Where the base has a say, by how much the logit is drawn away from the pivot (`shares.Mix`).
    attributes, flags, mean, scale, edge_count, edges
        By attribute (`encoding.encode`); the first WIDTH are the dense features.
    keys, groups, is_cross, weight
        By column: the feature's key, its attribute, whether it is a cross, and its weights in each expert: one shared by all intervals, then
        one for each. Column 0 is the bias, of key 0 and attribute -1.
    baseline
        By attribute: its mean contribution to each logit, laid out as a row of `weight`; the last row is that of the bias.
    trust
        By expert: its share in the propensity, 0 to 1.
    attribute_table, column_table
        Look-up tables of `attributes` and `keys`, made from them.
    weight_of, baseline_of
        (columns, EXPERTS x K) and (attributes + 1, EXPERTS x K), made from `weight` and `baseline`: by expert, then by interval, what all
        intervals share and what is the interval's own in one.
    """

    intervals: int
    evidence: int
    start: float
    context: int
    with_clock: bool
    base_share: float
    base_mean: float
    slope: float
    pivot: float
    attributes: Array
    flags: Array
    mean: Array
    scale: Array
    edge_count: Array
    edges: Array
    keys: Array
    groups: Array
    is_cross: Array
    weight: Array
    baseline: Array
    trust: Array
    attribute_table: tuple[Array, Array]
    column_table: tuple[Array, Array]
    weight_of: Array
    baseline_of: Array

    def to_bytes(self) -> bytes:
        """A version, the scalars, then little-endian arrays."""
        packed = msgpack.packb([VERSION, *self[:SCALARS], *(getattr(self, name).astype(kind).tobytes() for name, kind in _ARRAYS.items())])
        assert isinstance(packed, bytes)
        return packed


def assembled(
    *,
    intervals: int,
    evidence: int,
    start: float,
    context: int,
    with_clock: bool,
    base_share: float,
    base_mean: float,
    slope: float = 1.0,
    pivot: float = 0.0,
    **arrays: Array,
) -> HazardModel:
    """A model from its parts, with what is made from them."""
    arrays = {name: np.array(arrays[name], kind) for name, kind in _ARRAYS.items()}  # writable copies: kernels are compiled once
    return HazardModel(
        intervals=intervals,
        evidence=evidence,
        start=start,
        context=context,
        with_clock=with_clock,
        base_share=base_share,
        base_mean=base_mean,
        slope=slope,
        pivot=pivot,
        **arrays,
        attribute_table=attribute_table(arrays["attributes"]),
        column_table=column_table(arrays["keys"]),
        weight_of=_by_interval(arrays["weight"]),
        baseline_of=_by_interval(arrays["baseline"].astype(np.float64)),
    )


def _by_interval(weight: Array) -> Array:
    whole = weight[..., 1:] + weight[..., :1] if weight.shape[-1] > 1 else weight
    return np.ascontiguousarray(whole.reshape(len(weight), -1))


def model_from_bytes(data: bytes) -> HazardModel:
    """The model that `HazardModel.to_bytes` wrote.

    Raises
    ------
    PoisonRecordError
        No model, one of another version, arrays that do not fit each other, or numbers that are not finite.
    """
    try:
        version, *fields = msgpack.unpackb(data)
        if version not in (VERSION, BEFORE_SLOPE):
            raise PoisonRecordError(f"a model of version {version}, this release reads {BEFORE_SLOPE} to {VERSION}")
        if version == BEFORE_SLOPE:
            fields[SCALARS_BEFORE_SLOPE:SCALARS_BEFORE_SLOPE] = [1.0, 0.0]
        scalars, columns = fields[:SCALARS], fields[SCALARS:]
        arrays = {name: np.frombuffer(column, kind) for (name, kind), column in zip(_ARRAYS.items(), columns, strict=True)}
        intervals, evidence, start, context, with_clock, base_share, base_mean, slope, pivot = scalars
        width = EXPERTS * parts_of(int(intervals))
        arrays["edges"] = arrays["edges"].reshape(-1, EDGES)
        arrays["weight"] = arrays["weight"].reshape(-1, EXPERTS, width // EXPERTS)
        arrays["baseline"] = arrays["baseline"].reshape(-1, EXPERTS, width // EXPERTS)
        if not _fits(scalars, arrays):
            raise PoisonRecordError("a model whose arrays do not fit each other, or that has numbers that are not finite")
    except (ValueError, TypeError, msgpack.UnpackException) as exc:
        raise PoisonRecordError(f"bytes that are no model: {exc}") from exc
    return assembled(
        intervals=int(intervals),
        evidence=int(evidence),
        start=float(start),
        context=int(context),
        with_clock=bool(with_clock),
        base_share=float(base_share),
        base_mean=float(base_mean),
        slope=float(slope),
        pivot=float(pivot),
        **arrays,
    )


def _fits(scalars: list[Any], arrays: dict[str, Array]) -> bool:
    intervals, evidence, start, context, with_clock, base_share, base_mean, slope, pivot = scalars
    n, keys, attributes = len(arrays["attributes"]), arrays["keys"], arrays["attributes"]
    sizes = {len(arrays[name]) for name in ("flags", "mean", "scale", "edge_count", "edges")}
    are_kinds_right = isinstance(with_clock, bool) and all(isinstance(one, int) for one in (intervals, evidence, context))
    is_finite = all(bool(np.isfinite(arrays[name]).all()) for name in ("mean", "scale", "edges", "weight", "baseline", "trust"))
    are_scalars_right = (
        are_kinds_right
        and 1 <= intervals <= 255
        and evidence >= 0
        and -1 <= context < n
        and 0.0 <= base_share <= 1.0
        and 0.0 < slope < 2.0
        and all(math.isfinite(one) for one in (start, base_mean, pivot))
    )
    return (
        are_scalars_right
        and is_finite
        and sizes == {n}
        and WIDTH <= n <= ATTRIBUTES
        and len(arrays["baseline"]) == n + 1
        and 1 <= len(keys) == len(arrays["weight"]) == len(arrays["groups"]) == len(arrays["is_cross"]) <= COLUMNS
        and bool(((arrays["groups"] >= -1) & (arrays["groups"] < n)).all())
        and keys[0] == 0
        and bool((keys[1:] != 0).all())
        and len(np.unique(keys)) == len(keys)
        and len(np.unique(attributes)) == n
        and bool((attributes[:WIDTH] == dense_attributes()).all())
        and bool((arrays["edge_count"] <= EDGES).all())
        and len(arrays["trust"]) == EXPERTS
        and bool((arrays["trust"] >= 0.0).all())
        and abs(float(arrays["trust"].sum()) - 1.0) < 1e-9
    )


def dense_attributes() -> Array:
    """The attributes that every vector has, in their order."""
    return np.array([dense_id(feature.name) >> 32 for feature in DENSE], np.uint32)


def hazard_logit(prior: float, intervals: int) -> float:
    """The logit that gives every interval the same hazard and the whole window the propensity `prior`."""
    hazard = 1.0 - (1.0 - prior) ** (1.0 / intervals)
    return math.log(hazard / (1.0 - hazard))


@lru_cache(maxsize=64)  # asked for with every batch of a tenant that has no label yet
def untrained(prior: float, intervals: int) -> HazardModel:
    """The model before any label: every lead has the tenant's prior."""
    parts = parts_of(intervals)
    return assembled(
        intervals=intervals,
        evidence=0,
        start=hazard_logit(prior, intervals),
        context=-1,
        with_clock=False,
        base_share=0.0,
        base_mean=0.0,
        attributes=dense_attributes(),
        flags=np.zeros(WIDTH),
        mean=np.zeros(WIDTH),
        scale=np.zeros(WIDTH),
        edge_count=np.zeros(WIDTH),
        edges=np.zeros((WIDTH, EDGES)),
        keys=np.zeros(1),
        groups=np.full(1, -1),
        is_cross=np.zeros(1),
        weight=np.zeros((1, EXPERTS, parts)),
        baseline=np.zeros((WIDTH + 1, EXPERTS, parts)),
        trust=np.full(EXPERTS, 1.0 / EXPERTS),
    )
