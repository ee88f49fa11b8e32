"""What every score of a workload must be, computed without any runner."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.learning.hazard_model import model_from_bytes
from models.recompute import bases, propensities
from schemas.policy import TenantPolicy
from schemas.score import LeadScore
from tests.bench.workload import Workload

CHUNK = 2_000
UNKNOWN = -1


class Expected(NamedTuple):
    """By event: the digest of its features, its propensity by the published model, and by the model before any label."""

    digests: npt.NDArray[np.int64]
    trained: npt.NDArray[np.float64]
    untrained: npt.NDArray[np.float64]
    version: int

    def differs(self, score: LeadScore) -> bool:
        """Whether a score is not what its event and the model that it names give, bit for bit."""
        i = int(score.event_id)
        by_model = self.untrained if score.model_version == 0 else self.trained
        is_known = score.model_version in (0, self.version)
        return not is_known or score.feature_digest != int(self.digests[i]) or score.propensity != float(by_model[i])


def expected(workload: Workload) -> Expected:
    """The scores of a workload."""
    snapshot = workload.snapshot()
    model, policy = model_from_bytes(snapshot.payload), TenantPolicy()
    digests = np.full(workload.total, UNKNOWN, np.int64)
    trained, untrained = np.zeros(workload.total), np.zeros(workload.total)
    pending: list[tuple[int, bytes]] = []

    def take() -> None:
        if pending:
            places, features = [i for i, _ in pending], [vector for _, vector in pending]
            trained[places] = propensities(features, model, policy)
            untrained[places] = propensities(features, None, policy)
            pending.clear()

    for basis in bases(workload.stream(), {}):
        digests[int(basis.event_id)] = basis.digest
        pending.append((int(basis.event_id), basis.features))
        if len(pending) == CHUNK:
            take()
    take()
    return Expected(digests, trained, untrained, snapshot.version)
