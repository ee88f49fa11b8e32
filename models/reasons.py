"""What moved the scores of a batch: from places in vectors to names, all at once."""

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np

from models.features.registry import DENSE, WIDTH
from models.features.vector import ABSENT, LOW, PATTERN_MODEL, dense_id
from models.nightly.columns import LARGEST, FeatureVectors
from models.scorer import Array, Scored

_DENSE_IDS = np.array([dense_id(feature.name) for feature in DENSE], np.uint64)
_NOTHING, _UNNAMED = -1, 0
"""Where a score has fewer reasons, in `Scored.reason_at`, where what is less is an attribute's absence; and the id of no feature."""
_OF_DENSE = zip(_DENSE_IDS.tolist(), [feature.name for feature in DENSE], strict=True)
_ALWAYS = {_UNNAMED: "", PATTERN_MODEL: "pattern model"} | dict(_OF_DENSE)


class Reasons(NamedTuple):
    """Of one score, the largest share first, parallel: what the features are called, their shares of the logit, and their values."""

    names: list[str]
    shares: list[float]
    values: list[float]


def reasons_of(scored: Scored, vectors: FeatureVectors, attributes: Array, name_of: Callable[[int], str | None]) -> list[Reasons]:
    """The reasons of n scores. Left out is what has no name here: of an event type that this process has not met.

    Parameters
    ----------
    scored, vectors
        What was scored, and by what.
    attributes
        Upper halves of ids, by the model's number of the attribute.
    name_of
        A feature's id → what it is called.
    """
    shape = scored.reason_at.shape
    ids: Array = np.empty(shape, np.uint64)
    values: Array = np.empty(shape)
    _look_up(scored.reason_at, *vectors, np.asarray(attributes), _DENSE_IDS, ids, values)
    called = _Names(name_of)
    found = []
    for features, shares, held in zip(ids.tolist(), scored.reason_share.tolist(), values.tolist(), strict=True):
        names = [called[feature] for feature in features]
        found.append(Reasons(names, shares, held) if "" not in names else _named(names, shares, held))
    return found


def _named(names: list[str], shares: list[float], values: list[float]) -> Reasons:
    """The reasons that have a name."""
    kept = [r for r, name in enumerate(names) if name]
    return Reasons([names[r] for r in kept], [shares[r] for r in kept], [values[r] for r in kept])


class _Names(dict[int, str]):
    """What features are called, each asked for once, as a batch says the same of many leads; empty: this process has no name for it."""

    def __init__(self, name_of: Callable[[int], str | None]) -> None:
        super().__init__(_ALWAYS)
        self._name_of = name_of

    def __missing__(self, feature: int) -> str:
        if feature & LOW == ABSENT:
            present = self[feature - ABSENT]
            name = present and f"no {present}"
        else:
            name = self._name_of(feature) or ""
        self[feature] = name
        return name


@numba.njit(cache=True)
def _look_up(
    reason_at: Array, dense: Array, ids: Array, values: Array, ends: Array, attributes: Array, dense_ids: Array, of: Array, held: Array
) -> None:
    begin = 0
    for i in range(reason_at.shape[0]):
        for r in range(reason_at.shape[1]):
            place, value = reason_at[i, r], 0.0
            of[i, r] = _UNNAMED
            if place >= WIDTH:
                of[i, r], value = ids[begin + place - WIDTH], values[begin + place - WIDTH]
            elif place >= 0:
                of[i, r], value = dense_ids[place], dense[i, place]
            elif place < _NOTHING:
                of[i, r] = np.uint64(attributes[-2 - place]) << np.uint64(32) | np.uint64(ABSENT)
            # a finite number, whatever the vector says
            held[i, r] = 0.0 if np.isnan(value) else min(max(value, -LARGEST), LARGEST)
        begin = ends[i]
