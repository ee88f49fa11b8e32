"""Predictions as they were when an event was scored: of the champion, which is published, and of each challenger, which is not."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from models.learning.regression import HEDGE_CLIP
from schemas.example import MaturedExample

LEAST, MOST = HEDGE_CLIP / 10.0, 1.0 - HEDGE_CLIP
"""Hazards are kept within these: beyond, Hedge tells none from another, and what up to ten of the least add up to is no more either."""
_LOW, _HIGH = math.log(LEAST / (1.0 - LEAST)), math.log(MOST / (1.0 - MOST))
STEP = (_HIGH - _LOW) / 255.0
"""Of a hazard's logit, 0.08: a code is a byte."""
_HAZARDS = tuple(1.0 / (1.0 + math.exp(-_LOW - STEP * code)) for code in range(256))


class Frozen(NamedTuple):
    """What one learner said: a propensity, and the hazards behind it, by rate and then by interval."""

    propensity: float
    hazards: list[float]


def frozen(example: MaturedExample) -> Mapping[str, Frozen]:
    """Learner → what it said when the example's event was scored."""
    said = {example.learner: Frozen(example.propensity, example.hazards)}
    if example.shadow_learners:
        width = len(example.shadow_hazards) // len(example.shadow_learners)
        for i, (name, propensity) in enumerate(zip(example.shadow_learners, example.shadow_propensities, strict=True)):
            said[name] = Frozen(propensity, example.shadow_hazards[i * width : (i + 1) * width])
    return said


def kept_hazards(hazards: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Hazards as they are kept until their labels are known: a byte each, of the same shape."""
    kept = np.empty(hazards.shape, np.uint8)
    _keep(hazards.reshape(-1), kept.reshape(-1))
    return kept


def hazards_kept(data: bytes) -> tuple[float, ...]:
    """The hazards that `kept_hazards` wrote, each within half a STEP of its logit."""
    return tuple([_HAZARDS[code] for code in data])


@numba.njit(cache=True)
def _keep(hazards: Any, kept: Any) -> None:
    for i in range(hazards.shape[0]):
        hazard = min(max(hazards[i], LEAST), MOST)
        kept[i] = round((math.log(hazard / (1.0 - hazard)) - _LOW) / STEP)


def as_of_learner(example: MaturedExample, learner: str, said: Frozen | None) -> MaturedExample:
    """The example as if this learner had scored it; one that had said nothing then has no hazards to be judged by."""
    if example.learner == learner:
        return example
    propensity, hazards = said or Frozen(example.propensity, [])
    return example._replace(learner=learner, propensity=propensity, hazards=hazards)
