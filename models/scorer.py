"""A snapshot scores a batch: frozen hazards, propensity, and what each attribute contributes to its logit, exactly."""

import math
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from models.features.vector import PATTERN_MODEL
from models.learning.encoding import MARKED, encode, read_vector, room_for
from models.learning.hazard_model import HazardModel
from models.learning.prefetching import prefetch_all
from models.learning.regression import LOGIT_LIMIT
from models.learning.shares import base_logit
from models.learning.table import find, mixed

REASONS = 5
"""Contributions kept with a score: what a salesperson reads at a glance."""
PROPENSITY_LIMIT = 1e-9
"""A propensity stays this far from 0 and 1, so that its logit is a number."""

ABSURD = 1e6
"""Contributions that together are larger than this are of a model gone wrong."""

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
NODES, NODE_WEIGHTS = (_NODES + 1.0) / 2.0, _WEIGHTS / 2.0
"""Gauss-Legendre on [0, 1]: with 8 nodes the integral below is within 1e-6 for almost every lead."""


@numba.njit(cache=True, error_model="numpy")
def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(logit, -LOGIT_LIMIT), LOGIT_LIMIT)))


@numba.njit(cache=True, error_model="numpy")
def _logit(p: float) -> float:
    held = min(max(p, PROPENSITY_LIMIT), 1.0 - PROPENSITY_LIMIT)
    return math.log(held / (1.0 - held))


@numba.njit(cache=True)
def _propensity(logits: Array, trust: Array, hazards: Array) -> float:
    rates, intervals = logits.shape
    p = 0.0
    for a in range(rates):
        survival = 1.0
        for k in range(intervals):
            hazards[a * intervals + k] = _sigmoid(logits[a, k])
            survival *= 1.0 - hazards[a * intervals + k]
        p += trust[a] * (1.0 - survival)
    return p


@numba.njit(cache=True, error_model="numpy")
def _slopes(from_logits: Array, to_logits: Array, trust: Array, slopes: Array) -> None:
    # how much a unit of each inner logit moves the logit of P, on average over the straight path from the mean vector to this one
    rates, intervals = to_logits.shape
    slopes[:] = 0.0
    one = np.empty((rates, intervals))
    for q in range(NODES.shape[0]):
        p = 0.0
        for a in range(rates):
            survival = 1.0
            for k in range(intervals):
                one[a, k] = _sigmoid(from_logits[a, k] + NODES[q] * (to_logits[a, k] - from_logits[a, k]))
                survival *= 1.0 - one[a, k]
            p += trust[a] * (1.0 - survival)
            for k in range(intervals):
                one[a, k] *= trust[a] * survival
        steepness = NODE_WEIGHTS[q] / max(p * (1.0 - p), PROPENSITY_LIMIT)
        for a in range(rates):
            for k in range(intervals):
                slopes[a, k] += steepness * one[a, k]


@numba.njit(cache=True)
def _rank(contribution: Array, place: Array, flags: Array, reason_at: Array, reason_share: Array) -> float:
    # the largest first; the rest is their sum, in the order of attributes
    rest = 0.0
    for r in range(REASONS):
        reason_at[r] = -1
        reason_share[r] = 0.0
    for g in range(contribution.shape[0]):
        share = contribution[g]
        at = place[g]
        if at < 0:
            if flags[g] & MARKED == 0 or share == 0.0:
                rest += share
                continue
            at = -2 - g
        if abs(share) <= abs(reason_share[REASONS - 1]):  # as most are
            rest += share
            continue
        for r in range(REASONS):
            if abs(share) > abs(reason_share[r]):
                share, reason_share[r] = reason_share[r], share
                at, reason_at[r] = reason_at[r], at
        rest += share
    return rest


@numba.njit(cache=True)
def _add_up(starts: Array, contributions: Array, logits: Array) -> None:
    # all logits at once, as each waits for its own sum; each sum in the order of attributes
    logits[:] = starts
    for g in range(contributions.shape[0]):
        for w in range(logits.shape[0]):
            logits[w] += contributions[g, w]


@numba.njit(cache=True)
def _from_mean(columns: Array, inputs: Array, groups: Array, n: int, weight: Array, baseline: Array, away: Array) -> None:
    # by attribute, and in the last row the bias (whose attribute is -1): how far this vector's contributions are from the mean ones
    width = weight.shape[1]
    for j in range(n):
        if columns[j] >= 0:
            prefetch_all(weight, columns[j] * width, width)
    for g in range(away.shape[0]):
        for w in range(width):
            away[g, w] = -baseline[g, w]
    for j in range(n):
        if columns[j] >= 0:
            # whole indices: a row of its own would cost a count of references
            column, g, by = columns[j], groups[j] if groups[j] >= 0 else away.shape[0] - 1, inputs[j]
            for w in range(width):
                away[g, w] += weight[column, w] * by


@numba.njit(cache=True)
def _explain(away: Array, slopes: Array, own_share: float, contribution: Array) -> None:
    # four attributes at once, as each waits for its own sum
    g = 0
    while g + 4 <= contribution.shape[0]:
        by_one = by_two = by_three = by_four = 0.0
        for w in range(slopes.shape[0]):
            by_one += slopes[w] * away[g, w]
            by_two += slopes[w] * away[g + 1, w]
            by_three += slopes[w] * away[g + 2, w]
            by_four += slopes[w] * away[g + 3, w]
        contribution[g], contribution[g + 1] = own_share * by_one, own_share * by_two
        contribution[g + 2], contribution[g + 3] = own_share * by_three, own_share * by_four
        g += 4
    while g < contribution.shape[0]:
        moved = 0.0
        for w in range(slopes.shape[0]):
            moved += slopes[w] * away[g, w]
        contribution[g] = own_share * moved
        g += 1


@numba.njit(cache=True, error_model="numpy")
def _balance(contribution: Array, wanted: float) -> None:
    # what the quadrature missed, in proportion: the sum is exact. Absurd contributions, which cancel out, lose their own size
    total, size = 0.0, 0.0
    for g in range(contribution.shape[0]):
        total += contribution[g]
        size += abs(contribution[g])
    own = 1.0 if size < ABSURD else 0.0
    missed = wanted - own * total
    for g in range(contribution.shape[0]):
        part = abs(contribution[g]) / size if size > 0.0 else 1.0 / contribution.shape[0]
        contribution[g] = own * contribution[g] + missed * part


@numba.njit(cache=True)
def _score(
    dense: Array,
    ids: Array,
    values: Array,
    ends: Array,
    start: float,
    context: int,
    with_clock: bool,
    base_share: float,
    base_mean: float,
    base_slope: float,
    pivot: float,
    attributes: Array,
    flags: Array,
    mean: Array,
    scale: Array,
    edge_count: Array,
    edges: Array,
    weight: Array,
    baseline: Array,
    trust: Array,
    attribute_keys: Array,
    attribute_places: Array,
    column_keys: Array,
    column_places: Array,
    hazards: Array,
    propensity: Array,
    reason_at: Array,
    reason_share: Array,
    mean_logit: Array,
    rest: Array,
) -> None:
    # One event after the other, and each sum in the order of its attributes: no batch, however cut, changes a bit.
    count, rates, width = attributes.shape[0], trust.shape[0], weight.shape[1]
    intervals, room = width // rates, room_for(count)
    said, place, number, token = np.empty(count, np.uint8), np.empty(count, np.int64), np.empty(count), np.empty(count, np.uint64)
    columns, groups, inputs, wanted = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room), np.empty(room, np.uint64)
    away, mean_logits, logits, slopes = np.empty((count + 1, width)), np.empty(width), np.empty(width), np.empty(width)
    shape = (rates, intervals)
    mean_logits_of, logits_of, slopes_of = mean_logits.reshape(shape), logits.reshape(shape), slopes.reshape(shape)
    contribution = np.empty(count)
    _add_up(np.full(width, start), baseline, mean_logits)
    of_mean = _logit(_propensity(mean_logits_of, trust, np.empty(width)))
    base_at = find(attribute_keys, attribute_places, mixed(np.uint64(PATTERN_MODEL) >> np.uint64(32)))
    begin = 0
    for i in range(ends.shape[0]):
        read_vector(dense[i], ids, values, begin, ends[i], attribute_keys, attribute_places, said, number, token, place)
        _, n = encode(
            said,
            number,
            token,
            attributes,
            flags,
            mean,
            scale,
            edge_count,
            edges,
            context,
            with_clock,
            column_keys,
            column_places,
            columns,
            inputs,
            groups,
            wanted,
        )
        _from_mean(columns, inputs, groups, n, weight, baseline, away)
        _add_up(mean_logits, away, logits)
        p = _propensity(logits_of, trust, hazards[i])
        base = base_logit(ids, values, begin, ends[i])
        share = base_share if base_at >= 0 and not math.isnan(base) else 0.0
        slope, held = 1.0, 0.0
        if share > 0.0:
            slope, held = base_slope, pivot
            p = _sigmoid(held + slope * ((1.0 - share) * _logit(p) + share * base - held))
        propensity[i] = min(max(p, PROPENSITY_LIMIT), 1.0 - PROPENSITY_LIMIT)
        mean_logit[i] = held + slope * ((1.0 - share) * of_mean + share * base_mean - held)
        _slopes(mean_logits_of, logits_of, trust, slopes_of)
        _explain(away, slopes, slope * (1.0 - share), contribution)
        if share > 0.0:
            contribution[base_at] += slope * share * (base - base_mean)
        _balance(contribution, _logit(propensity[i]) - mean_logit[i])
        rest[i] = _rank(contribution, place, flags, reason_at[i], reason_share[i])
        begin = ends[i]


class Scored(NamedTuple):
    """Of n vectors: what is frozen, what is published, and why.

    `hazards` (n, rates x K) by rate, then by interval; `propensity` (n,) in (0, 1). `reason_at` and `reason_share` (n, REASONS): the
    attributes that contribute most to the logit of the propensity, largest first. `reason_at` counts a vector's features from 0, dense
    ones first; -2 - g is the absence of the model's attribute g; -1 where there are fewer. `baseline` (n,) is the logit of the mean vector
    and `rest` (n,) what all other attributes contribute: baseline + shares + rest = logit(propensity) within 1e-6.
    """

    hazards: Doubles
    propensity: Doubles
    reason_at: npt.NDArray[np.int64]
    reason_share: Doubles
    baseline: Doubles
    rest: Doubles


def score(model: HazardModel, dense: Array, ids: Array, values: Array, ends: Array) -> Scored:
    """Score n vectors: dense (n, WIDTH), their sparse features end to end, vector i's end at `ends[i]`."""
    n = len(ends)
    out = Scored(
        np.empty((n, len(model.trust) * model.intervals)),
        np.empty(n),
        np.empty((n, REASONS), np.int64),
        np.empty((n, REASONS)),
        np.empty(n),
        np.empty(n),
    )
    _score(
        dense,
        ids,
        values,
        ends,
        model.start,
        model.context,
        model.with_clock,
        model.base_share,
        model.base_mean,
        model.slope,
        model.pivot,
        model.attributes,
        model.flags,
        model.mean,
        model.scale,
        model.edge_count,
        model.edges,
        model.weight_of,
        model.baseline_of,
        model.trust,
        *model.attribute_table,
        *model.column_table,
        *out,
    )
    return out
