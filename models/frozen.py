"""Predictions as they were when an event was scored: of the champion, which is published, and of each challenger, which is not."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.example import MaturedExample


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


def as_of_learner(example: MaturedExample, learner: str, said: Frozen | None) -> MaturedExample:
    """The example as if this learner had scored it; one that had said nothing then has no hazards to be judged by."""
    if example.learner == learner:
        return example
    propensity, hazards = said or Frozen(example.propensity, [])
    return example._replace(learner=learner, propensity=propensity, hazards=hazards)
