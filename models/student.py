"""One tenant's learner with what is known of its progress: version, counts, and how good its predictions were."""

from collections.abc import Sequence

import msgpack

from models.learning.hazard_learner import HazardLearner
from models.prequential import Prequential
from models.windowed import WindowedPrequential
from schemas.errors import FatalError
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.metric import Metric
from schemas.model_snapshot import ModelSnapshot
from schemas.policy import TenantPolicy

VERSION = 4
BEFORE_BELIEF = 3
BEFORE_HAZARDS = 2
"""Versions with another learner, whose state says nothing to this one: it begins anew, the metrics go on."""
BEFORE_WINDOWS = 1
"""A version whose metrics counted conversions at once."""


class Student:
    """Learns a tenant's examples and says so.

    Its version is how many examples it was taught, so two snapshots of one version are the same model: after a failure a student goes on
    from an older state, is taught the same examples in the same order, and publishes under the same versions what it published before.

    Parameters
    ----------
    tenant
        Whose examples.
    policy
        Its window and prior, for a learner that has seen nothing.
    """

    def __init__(self, tenant: str, policy: TenantPolicy) -> None:
        self.tenant = tenant
        self.learner = HazardLearner(prior=policy.prior, intervals=max(len(policy.interval_ends_ms), 1))
        self.prequential = WindowedPrequential(policy.window_ms)
        self.version = 0
        self.examples = 0
        self.labels = 0
        self.as_of = 0

    def learn(self, examples: Sequence[MaturedExample]) -> None:
        """Learn matured examples in order; each final one counts in the metrics, by its frozen prediction, when its window is over."""
        for example in examples:
            self.as_of = max(self.as_of, example.matured_at)
            self.prequential.advance(self.as_of)
            if example.is_final:
                self.prequential.take(example, clock=self.as_of)
                self.examples += 1
            self.labels += self.learner.learn(example)
            self.version += 1

    def snapshot(self, *, now: Millis) -> ModelSnapshot:
        """What was learned so far; the same version again when nothing was learned since the last."""
        return ModelSnapshot(
            tenant=self.tenant,
            version=self.version,
            as_of=Millis(self.as_of),
            learner=self.learner.name,
            examples=self.examples,
            labels=self.labels,
            payload=self.learner.model().to_bytes(),
            published_at=now,
        )

    def metrics(self) -> list[Metric]:
        """How good the published predictions were so far."""
        counted = self.prequential.counted
        return [
            Metric(self.tenant, name, self.learner.name, Millis(self.as_of), value, counted.points, self.version)
            for name, value in counted.values().items()
        ]

    def to_bytes(self) -> bytes:
        """Everything, behind a version."""
        counts = [self.version, self.examples, self.labels, self.as_of]
        return bytes(msgpack.packb([VERSION, counts, self.learner.to_bytes(), self.prequential.to_bytes()]))

    @classmethod
    def from_bytes(cls, data: bytes, tenant: str, policy: TenantPolicy) -> "Student":
        """What `to_bytes` wrote, here or in a release before.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, counts, learner, prequential = msgpack.unpackb(data)
        if version not in (VERSION, BEFORE_BELIEF, BEFORE_HAZARDS, BEFORE_WINDOWS):
            raise FatalError(f"student of version {version}, this release reads {BEFORE_WINDOWS} to {VERSION}")
        student = cls(tenant, policy)
        student.version, student.examples, student.labels, student.as_of = counts
        if version == VERSION:
            student.learner = HazardLearner.from_bytes(learner)
        if version == BEFORE_WINDOWS:
            student.prequential.counted = Prequential.from_bytes(prequential)
        else:
            student.prequential = WindowedPrequential.from_bytes(prequential, policy.window_ms)
        return student
