"""One tenant's learner as versioned bytes."""

from typing import NamedTuple

from schemas.ids import Millis


class ModelSnapshot(NamedTuple):
    """A model. Key: `tenant|version`, so that a compacted topic keeps every version.

    `version` grows with every matured example of the tenant, so a version is one model, however often it is published; 0 is the model
    before any label, which is never published.
    `examples` and `labels` are what it has learned from; `as_of` the event time of the newest of them.
    """

    tenant: str
    version: int
    as_of: Millis
    learner: str
    examples: int
    labels: int
    payload: bytes
    published_at: Millis
