"""What moved the scores of a batch: from places in vectors to names, all at once."""

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np

from models.features.registry import DENSE, WIDTH
from models.features.vector import PATTERN_MODEL, dense_id
from models.nightly.columns import LARGEST, FeatureVectors
from models.scorer import Array, Scored

_DENSE_IDS = np.array([dense_id(feature.name) for feature in DENSE], np.uint64)
_ALWAYS = {PATTERN_MODEL: "pattern model"} | dict(zip(_DENSE_IDS.tolist(), [feature.name for feature in DENSE], strict=True))
_NOTHING = -1
"""Where a score has fewer reasons, in `Scored.reason_at`; what is less is an attribute's absence."""


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
    values = np.empty(shape)
    _look_up(scored.reason_at, *vectors, np.asarray(attributes), _DENSE_IDS, ids, values)
    found = []
    all_ids = ids.tolist()
    for i, places in enumerate(scored.reason_at.tolist()):
        shares, held = scored.reason_share[i].tolist(), values[i].tolist()
        named = [
            _ALWAYS.get(feature) or name_of(feature) if place >= 0 else _absent(place, name_of(feature))
            for place, feature in zip(places, all_ids[i], strict=True)
        ]
        names = [name for name in named if name is not None]
        if len(names) == len(named):
            found.append(Reasons(names, shares, held))
        else:
            kept = [r for r, name in enumerate(named) if name is not None]
            found.append(Reasons(names, [shares[r] for r in kept], [held[r] for r in kept]))
    return found


def _absent(place: int, name: str | None) -> str | None:
    return None if place == _NOTHING or name is None else f"no {name}"


@numba.njit(cache=True)
def _look_up(
    reason_at: Array, dense: Array, ids: Array, values: Array, ends: Array, attributes: Array, dense_ids: Array, of: Array, held: Array
) -> None:
    begin = 0
    for i in range(reason_at.shape[0]):
        for r in range(reason_at.shape[1]):
            place, value = reason_at[i, r], 0.0
            of[i, r] = 0
            if place >= WIDTH:
                of[i, r], value = ids[begin + place - WIDTH], values[begin + place - WIDTH]
            elif place >= 0:
                of[i, r], value = dense_ids[place], dense[i, place]
            elif place < _NOTHING:
                of[i, r] = np.uint64(attributes[-2 - place]) << np.uint64(32)
            # a finite number, whatever the vector says
            held[i, r] = 0.0 if np.isnan(value) else min(max(value, -LARGEST), LARGEST)
        begin = ends[i]
