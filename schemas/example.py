"""A feature vector whose label is known: safe to learn from."""

from typing import NamedTuple

from schemas.ids import Millis
from schemas.model_snapshot import LEARNER


class MaturedExample(NamedTuple):
    """One scoring point, once more intervals of its attribution window are over. Key: tenant.

    Of the intervals `first_interval` to `last_interval` (both counted from 0, inclusive) all but the last are labelled 0;
    the last is labelled 1 if `is_converted`. `is_final`: no later interval of this point will follow, so the label of the whole
    window is `is_converted`. `propensity` and `hazards` are the ones frozen at scoring time.
    `features` is the vector's bytes (`models.features`). `learner` is who made the prediction; `shadow_learners` are the challengers that
    scored the same event, with their propensities and, end to end, their hazards.
    """

    tenant: str
    lead: str
    event_id: str
    sequence: int
    as_of: Millis
    matured_at: Millis
    first_interval: int
    last_interval: int
    is_converted: bool
    is_final: bool
    propensity: float
    hazards: list[float]
    model_version: int
    features: bytes
    learner: str = LEARNER
    shadow_learners: list[str] = []  # noqa: RUF012 - never changed: an example is a value
    shadow_propensities: list[float] = []  # noqa: RUF012 - never changed: an example is a value
    shadow_hazards: list[float] = []  # noqa: RUF012 - never changed: an example is a value

    def window_end(self, window_ms: int | None) -> int:
        """When the attribution window is over, in ms of event time; without one, when the outcome is known."""
        return self.matured_at if window_ms is None else self.as_of + window_ms
