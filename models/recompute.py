"""Any past score again, from the lead's events and the model it names: proof that nothing else went into it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from models import memory as m
from models.engine import Base, Engine, VersionedModel
from models.features.vector import digest
from models.handover import handover_in
from models.learning.hazard_model import HazardModel, untrained
from models.memory import LeadMemory
from models.nightly.columns import FeatureVectors
from models.replay import DictMemories
from schemas.enriched import EnrichedEvent
from schemas.event import LEAD_MOVED, MEMORY_MOVED, OBSERVATION, PROFILE_UPDATED
from schemas.ids import lead_key
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
    """The basis of every event that is remembered (`Recomputed.bases`)."""
    return Recomputed(policies).bases(events)


class Recomputed:
    """Bases from events, leads' merges included.

    What a lead took from another is in its own stream, so each lead is computed from its own events alone; and that what was given is what
    the giver's events give is told by `other_handovers`.

    Parameters
    ----------
    policies
        Tenant → policy.
    """

    def __init__(self, policies: Mapping[str, TenantPolicy]) -> None:
        self._engine = Engine(policies)
        self._memories = DictMemories()
        self._given: dict[tuple[str, str], bytes] = {}
        self._taken: dict[tuple[str, str], bytes] = {}

    def bases(self, events: Iterable[EnrichedEvent]) -> Iterator[Basis]:
        """The basis of every event that is remembered, given each lead's events from the first, in order.

        Events that come again (of a sequence already taken) give nothing, as in the job.
        """
        run: list[EnrichedEvent] = []
        for event in events:
            if event.channel != OBSERVATION and event.type != PROFILE_UPDATED:
                run.append(event)
            elif event.channel == OBSERVATION and event.type in (LEAD_MOVED, MEMORY_MOVED):
                yield from self._remembered(run)
                run = []
                yield from self._followed(event)
            if len(run) >= BATCH:
                yield from self._remembered(run)
                run = []
        yield from self._remembered(run)

    @property
    def other_handovers(self) -> int:
        """Memories that were given away and are not what the giver's events give."""
        return sum(self._given.get(identity) != row for identity, row in self._taken.items())

    def _remembered(self, run: Sequence[EnrichedEvent]) -> Iterator[Basis]:
        taken, keys, vectors, touched = self._engine.remember(run, self._memories)
        for key, memory in touched.items():
            self._memories.save(key, memory)
        for i, event in enumerate(taken):
            yield Basis(keys[i], event.event_id, event.sequence, vectors.one(i).to_bytes())

    def _followed(self, event: EnrichedEvent) -> Iterator[Basis]:
        followed = self._engine.follow(event, self._memories)
        if followed is None:
            return
        key = lead_key(event.tenant, event.lead)
        self._memories.save(key, followed.memory)
        for given in followed.events:
            handover = handover_in(given.properties, given.properties)
            self._given[event.tenant, given.event_id] = remembered_in(handover.memory)
        if event.type == MEMORY_MOVED:
            self._taken[event.tenant, event.event_id] = remembered_in(handover_in(event.texts, event.numbers).memory)
        if followed.restated is not None:
            yield Basis(key, followed.restated.event_id, event.sequence, followed.restated.vector.to_bytes())


def remembered_in(memory: LeadMemory) -> bytes:
    """What of a memory is made of events alone: neither outcomes, nor grades, nor what is queued."""
    row = memory.row.copy()
    row[[m.SEQUENCE, m.OUTCOME_AT, m.IS_WON, m.QUEUED_FOR, m.GRADE]] = 0.0
    return row.tobytes()


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
