"""One tenant's learner as versioned bytes."""

from typing import NamedTuple

from schemas.ids import KEY_SEPARATOR, Millis, lead_key

LEARNER = "prox"
"""The first `learner` of every tenant."""
NIGHTLY = "nightly"
"""The `learner` of a nightly base."""

POOL = "pool"
"""The `learner` of the model that a tenant without labels has, if the deployment has one; its version is how many labels it learned."""


class ModelSnapshot(NamedTuple):
    """A model. Key: `tenant|version`, of others than the first learner `tenant|learner|version`, so that a compacted topic keeps every version.

    `version` grows with every matured example of the tenant, so a version is one model, however often it is published; 0 is the model
    before any label, which is never published. That of a nightly base is when it was trained, event time in ms.
    `is_champion` says whether scores are to follow it from now on, or it is a challenger that only scores beside the champion.
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
    is_champion: bool = True

    @property
    def key(self) -> str:
        """The record's key."""
        version = str(self.version)
        return lead_key(self.tenant, version if self.learner == LEARNER else f"{self.learner}{KEY_SEPARATOR}{version}")
