"""Any past score again, from the lead's events and the model it names: proof that nothing else went into it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from models.engine import Base, Engine, VersionedModel
from models.features.vector import digest
from models.learning.hazard_model import HazardModel, untrained
from models.nightly.columns import FeatureVectors
from models.replay import DictMemories
from schemas.enriched import EnrichedEvent
from schemas.event import OBSERVATION, PROFILE_UPDATED
from schemas.policy import TenantPolicy

BATCH = 512


class Basis(NamedTuple):
    """What a score of this event must rest on: its lead's key, its sequence, and its feature vector's bytes."""

    key: str
    event_id: str
    sequence: int
    features: bytes

    @property
    def digest(self) -> int:
        """As in `LeadScore.feature_digest`."""
        return digest(self.features)


def bases(events: Iterable[EnrichedEvent], policies: Mapping[str, TenantPolicy]) -> Iterator[Basis]:
    """The basis of every event that is remembered, given each lead's events from the first, in order.

    Events that come again (of a sequence already taken) give nothing, as in the job.
    """
    engine, memories = Engine(policies), DictMemories()
    remembered = (event for event in events if event.channel != OBSERVATION and event.type != PROFILE_UPDATED)
    while batch := list(islice(remembered, BATCH)):
        taken, keys, vectors, touched = engine.remember(batch, memories)
        for key, memory in touched.items():
            memories.save(key, memory)
        for i, event in enumerate(taken):
            yield Basis(keys[i], event.event_id, event.sequence, vectors.one(i).to_bytes())


def propensities(features: Sequence[bytes], model: HazardModel | None, policy: TenantPolicy, *, base: Base | None = None) -> list[float]:
    """The propensities that a model gives these vectors.

    Parameters
    ----------
    features
        Of events, as `Basis.features`.
    model
        None is the model before any label.
    policy
        Of the tenant.
    base
        The nightly base that the scores name; None where they name none.
    """
    ready = model or untrained(policy.prior, max(len(policy.interval_ends_ms), 1))
    # a score that names a base had it, however old it was
    at = np.full(len(features), base.trained_at if base is not None else 0)
    _, scored, _ = VersionedModel(0, ready, base).score(FeatureVectors.of(list(features)), at)
    return [float(p) for p in scored.propensity]
