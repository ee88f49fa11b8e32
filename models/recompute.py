"""Any past score again, from the lead's events and the model it names: proof that nothing else went into it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from models.engine import Engine
from models.features.vector import digest, vector_from_bytes
from models.learning.hazard_model import HazardModel, untrained
from models.replay import DictMemories
from models.scorer import score
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


def propensities(features: Sequence[bytes], model: HazardModel | None, policy: TenantPolicy) -> list[float]:
    """The propensities that a model gives these vectors; None is the model before any label."""
    vectors = [vector_from_bytes(data) for data in features]
    ready = model or untrained(policy.prior, max(len(policy.interval_ends_ms), 1))
    scored = score(
        ready,
        np.stack([vector.dense for vector in vectors]),
        np.concatenate([vector.ids for vector in vectors]),
        np.concatenate([vector.values for vector in vectors]),
        np.cumsum([len(vector.ids) for vector in vectors]),
    )
    return [float(p) for p in scored.propensity]
