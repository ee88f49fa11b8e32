"""One tenant's learner with what is known of its progress: version, counts, and how good its predictions were."""

from collections.abc import Sequence

import msgpack

from models.learning.hazard_learner import HazardLearner
from models.prequential import Prequential
from schemas.errors import FatalError
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.metric import Metric
from schemas.model_snapshot import ModelSnapshot
from schemas.policy import TenantPolicy

VERSION = 2


class Student:
    """Learns a tenant's examples and says so.

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
        self.prequential = Prequential()
        self.version = 0
        self.examples = 0
        self.labels = 0
        self.as_of = 0

    def learn(self, examples: Sequence[MaturedExample]) -> None:
        """Learn matured examples in order; each final one is first counted in the metrics, by its frozen prediction."""
        for example in examples:
            if example.is_final:
                self.prequential.update(example.propensity, is_converted=example.is_converted)
                self.examples += 1
            self.labels += self.learner.learn(example)
            self.as_of = max(self.as_of, example.matured_at)

    def snapshot(self, *, now: Millis) -> ModelSnapshot:
        """The next version."""
        self.version += 1
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
        points = self.prequential.points
        return [
            Metric(self.tenant, name, self.learner.name, Millis(self.as_of), value, points, self.version)
            for name, value in self.prequential.values().items()
        ]

    def to_bytes(self) -> bytes:
        """Everything, behind a version."""
        counts = [self.version, self.examples, self.labels, self.as_of]
        return bytes(msgpack.packb([VERSION, counts, self.learner.to_bytes(), self.prequential.to_bytes()]))

    @classmethod
    def from_bytes(cls, data: bytes, tenant: str, policy: TenantPolicy) -> "Student":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, counts, learner, prequential = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"student of version {version}, this release reads {VERSION}")
        student = cls(tenant, policy)
        student.version, student.examples, student.labels, student.as_of = counts
        student.learner = HazardLearner.from_bytes(learner)
        student.prequential = Prequential.from_bytes(prequential)
        return student
