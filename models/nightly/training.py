"""A ripe harvest → a base that may be published, and what it would have been worth."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.features.vector import PATTERN_MODEL
from models.nightly.base import NightlyBase
from models.nightly.booster import fit
from models.nightly.columns import Columns
from models.nightly.export import exported, parity
from models.nightly.harvest import LEAST_OF_EACH, Harvest, Ripe
from models.nightly.trees import pairs
from schemas.errors import SkippableError
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy

HELD_OUT = 0.2
"""Share of the examples, the last ones, that a holdout is made of."""
WITHOUT = frozenset({PATTERN_MODEL})
PAIRS = 64
"""Pairs of features that a base tells; those behind them gain next to nothing."""


class Trained(NamedTuple):
    """A base, and by how much its ONNX differs from LightGBM at most, in propensity."""

    base: NightlyBase
    parity: float


class Holdout(NamedTuple):
    """Propensities and outcomes of examples that were later than all that was trained on."""

    propensities: np.ndarray
    converted: np.ndarray
    trained_on: int


def train(ripe: Ripe, *, now: int, without: frozenset[int] = frozenset()) -> Trained:
    """Grow trees, export them and compare.

    Parameters
    ----------
    ripe
        What to learn.
    now
        Event time in ms, written into the base.
    without
        Feature ids that the trees must not see, such as an earlier base's logit.

    Raises
    ------
    SkippableError
        Too few conversions or silences: there is nothing to tell apart yet.
    ParityError
        The export says something else than the trees: keep the base there is.
    """
    conversions = int(ripe.converted.sum())
    if min(conversions, len(ripe.converted) - conversions) < LEAST_OF_EACH:
        raise SkippableError(f"{conversions} of {len(ripe.converted)} examples converted: trees need {LEAST_OF_EACH} of both")
    columns = Columns.chosen(ripe.vectors, without=without)
    matrix = columns.matrix(ripe.vectors)
    booster = fit(matrix, ripe.converted)
    onnx = exported(booster, columns.width)
    difference = parity(booster, onnx, matrix)
    base = NightlyBase(trained_at=now, examples=len(ripe.converted), columns=columns, pairs=pairs(booster, columns)[:PAIRS], onnx=onnx)
    return Trained(base, difference)


def held_out(earlier: Ripe, later: Ripe, *, now: int, without: frozenset[int] = frozenset()) -> Holdout:
    """What a base trained on the earlier examples says of those made at `now` or later.

    Raises
    ------
    SkippableError, ParityError
        As `train`.
    """
    base = train(earlier, now=now, without=without).base
    rows = np.flatnonzero(later.as_of >= now)
    return Holdout(base.propensities(later.vectors.take(rows)), later.converted[rows], len(earlier.converted))


def latest(examples: Sequence[MaturedExample], policy: TenantPolicy) -> tuple[Trained, Holdout | None]:
    """The base of all examples that are ripe by the last of them, and a holdout of its last fifth; None where that leaves too little.

    An earlier base's logit, which the examples may carry, is not among the columns: a base that learned from the one before would pass
    on what was wrong with it.

    Raises
    ------
    SkippableError, ParityError
        As `train`.
    """
    harvest = Harvest(policy)
    harvest.add(examples)
    until = max((example.matured_at for example in examples), default=0)
    middle = int(np.quantile([example.as_of for example in examples], 1 - HELD_OUT)) if examples else 0
    earlier, all_ripe = harvest.ripe(middle), harvest.ripe(until)
    trained = train(all_ripe, now=until, without=WITHOUT)
    try:
        return trained, held_out(earlier, all_ripe, now=middle, without=WITHOUT)
    except SkippableError:
        return trained, None
