"""A number about a tenant's model or stream, as of an instant."""

from typing import NamedTuple

from schemas.ids import Millis


class Metric(NamedTuple):
    """A measurement. Key: tenant. Identity: (`tenant`, `name`, `model`, `as_of`).

    `name` is one of `auc`, `log_loss`, `brier`, `ece`, `base_rate`; all prequential: the prediction that counts is the published one.
    `points` is how many scoring points it was measured on: those whose attribution windows are over.
    """

    tenant: str
    name: str
    model: str
    as_of: Millis
    value: float
    points: int
    model_version: int
