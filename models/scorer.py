"""A snapshot made ready to score: hazards of each interval, propensity and the strongest contributions, for a batch at once."""

import math
from typing import Any, NamedTuple

import msgpack
import numba
import numpy as np
import numpy.typing as npt

from models.features.registry import WIDTH
from schemas.errors import PoisonRecordError

VERSION = 1
REASONS = 3
"""Contributions kept with a score: what a salesperson reads at a glance."""
LOGIT_LIMIT = 30.0
"""A hazard's logit is held within ±30: beyond, the double nearest to the probability is 0 or 1."""

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]


class LinearModel(NamedTuple):
    """What scoring needs of a learner: hazard k of a vector x is logistic(bias[k] + Σ weight·(x - mean)·scale).

    `dense_*` have registry.WIDTH entries. `ids` are ascending, the sparse features that have a weight; the rest weigh nothing.
    """

    bias: Doubles
    dense_weight: Doubles
    dense_mean: Doubles
    dense_scale: Doubles
    ids: npt.NDArray[np.uint32]
    weight: Doubles
    mean: Doubles
    scale: Doubles

    def to_bytes(self) -> bytes:
        """Little-endian arrays in msgpack, behind a version."""
        packed = msgpack.packb([VERSION, *(column.tobytes() for column in self)])
        assert isinstance(packed, bytes)
        return packed


def model_from_bytes(data: bytes) -> LinearModel:
    """The model that `LinearModel.to_bytes` wrote.

    Raises
    ------
    PoisonRecordError
        No model, one of another version, or arrays that do not fit each other.
    """
    try:
        version, *columns = msgpack.unpackb(data)
        if version != VERSION:
            raise PoisonRecordError(f"a model of version {version}, this release reads {VERSION}")
        kinds = ["<f8", "<f8", "<f8", "<f8", "<u4", "<f8", "<f8", "<f8"]
        model = LinearModel(*(np.frombuffer(column, kind) for column, kind in zip(columns, kinds, strict=True)))
    except (ValueError, TypeError, msgpack.UnpackException) as exc:
        raise PoisonRecordError(f"bytes that are no model: {exc}") from exc
    if not _fits(model):
        raise PoisonRecordError("a model whose arrays do not fit each other, or that has numbers that are not finite")
    return model


def _fits(model: LinearModel) -> bool:
    sparse = {len(column) for column in (model.ids, model.weight, model.mean, model.scale)}
    dense = {len(column) for column in (model.dense_weight, model.dense_mean, model.dense_scale)}
    finite = all(bool(np.isfinite(column).all()) for column in model)
    return len(sparse) == 1 and dense == {WIDTH} and len(model.bias) >= 1 and finite and bool((np.diff(model.ids.astype(np.int64)) > 0).all())


def hazard_logit(prior: float, intervals: int) -> float:
    """The logit that gives every interval the same hazard and the whole window the propensity `prior`."""
    hazard = 1.0 - (1.0 - prior) ** (1.0 / intervals)
    return math.log(hazard / (1.0 - hazard))


def untrained(prior: float, intervals: int) -> LinearModel:
    """The model before any label: every lead has the tenant's prior."""
    zeros, nothing = np.zeros(WIDTH), np.zeros(0)
    return LinearModel(np.full(intervals, hazard_logit(prior, intervals)), zeros, zeros, zeros, np.zeros(0, np.uint32), nothing, nothing, nothing)


@numba.njit(cache=True)
def _propensities(
    dense: Array,
    ids: Array,
    values: Array,
    ends: Array,
    bias: Array,
    dense_weight: Array,
    dense_mean: Array,
    dense_scale: Array,
    known: Array,
    weight: Array,
    mean: Array,
    scale: Array,
    hazards: Array,
    propensity: Array,
    reason_at: Array,
    reason_share: Array,
) -> None:
    # One event after the other, and each sum in the order of its features: no batch, however cut, changes a bit.
    start = 0
    for i in range(ends.shape[0]):
        total = 0.0
        for r in range(REASONS):
            reason_at[i, r] = -1
            reason_share[i, r] = 0.0
        for j in range(WIDTH + ends[i] - start):
            share = 0.0
            if j < WIDTH:
                share = dense_weight[j] * (dense[i, j] - dense_mean[j]) * dense_scale[j]
            else:
                wanted = ids[start + j - WIDTH]
                at = np.searchsorted(known, wanted)
                if at < known.shape[0] and known[at] == wanted:
                    share = weight[at] * (values[start + j - WIDTH] - mean[at]) * scale[at]
            total += share
            place = j
            for r in range(REASONS):
                if abs(share) > abs(reason_share[i, r]):
                    share, reason_share[i, r] = reason_share[i, r], share
                    place, reason_at[i, r] = reason_at[i, r], place
        start = ends[i]
        if math.isnan(total):
            total = 0.0  # contributions beyond all numbers, of both signs: the bias alone speaks
        survival = 1.0
        for k in range(bias.shape[0]):
            logit = min(max(bias[k] + total, -LOGIT_LIMIT), LOGIT_LIMIT)
            hazards[i, k] = 1.0 / (1.0 + math.exp(-logit))
            survival *= 1.0 - hazards[i, k]
        propensity[i] = 1.0 - survival


class Scored(NamedTuple):
    """Of n vectors: hazards (n, K), propensity (n,), and the REASONS largest contributions, largest first.

    `reason_at` counts a vector's features from 0, dense ones first; -1 where there are fewer. `reason_share` is in the logit.
    """

    hazards: Doubles
    propensity: Doubles
    reason_at: npt.NDArray[np.int64]
    reason_share: Doubles


def score(model: LinearModel, dense: Array, ids: Array, values: Array, ends: Array) -> Scored:
    """Score n vectors: dense (n, WIDTH), their sparse features end to end, vector i's end at `ends[i]`."""
    n = len(ends)
    out = Scored(np.empty((n, len(model.bias))), np.empty(n), np.empty((n, REASONS), np.int64), np.empty((n, REASONS)))
    _propensities(dense, ids, values, ends, *model, *out)
    return out
