"""One tenant's learner as versioned bytes."""

from typing import NamedTuple

from schemas.ids import KEY_SEPARATOR, Millis, lead_key

LEARNER = "prox"
"""The `learner` of a tenant that has no other."""
NIGHTLY = "nightly"
"""The `learner` of a nightly base."""


class ModelSnapshot(NamedTuple):
    """A model. Key: `tenant|version`, of a nightly base `tenant|nightly|version`, so that a compacted topic keeps every version.

    `version` grows with every matured example of the tenant, so a version is one model, however often it is published; 0 is the model
    before any label, which is never published. That of a nightly base is when it was trained, event time in ms.
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

    @property
    def key(self) -> str:
        """The record's key."""
        version = str(self.version)
        return lead_key(self.tenant, version if self.learner != NIGHTLY else f"{NIGHTLY}{KEY_SEPARATOR}{version}")
