"""Events of a batch into their leads' memories, and the feature vectors that this gives."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from models import memory as m
from models.features.attributes import OF_MEMORY, Attributes
from models.features.registry import WIDTH
from models.features.vector import FeatureVector
from models.memories import Memories
from models.nightly.columns import FeatureVectors
from models.remembering import SPARSE, remember
from schemas.enriched import EnrichedEvent
from schemas.ids import lead_key
from schemas.policy import TenantPolicy


class Vectors(NamedTuple):
    """The feature vectors of n events: dense (n, WIDTH), sparse ones end to end, event i's end at `ends[i]`.

    `after` (n, 2): the lead's latest time in ms and its decayed engagement, after each event.
    """

    dense: np.ndarray
    ids: np.ndarray
    values: np.ndarray
    ends: np.ndarray
    after: np.ndarray

    def one(self, i: int) -> FeatureVector:
        """Vector i."""
        return FeatureVectors(*self[:4]).one(i)

    def to_bytes(self) -> list[bytes]:
        """Every vector's bytes."""
        return FeatureVectors(*self[:4]).to_bytes()


class Remembered(NamedTuple):
    """Events that were new to their leads, in order, with their keys and vectors; and the memories that they changed, by key."""

    events: list[EnrichedEvent]
    keys: list[str]
    vectors: Vectors
    touched: dict[str, m.LeadMemory]


class Remembrance:
    """Remembers batches of events. Holds look-up tables only: everything that lasts is in the memories.

    Parameters
    ----------
    policy
        Tenant → policy, which knows the stages of its funnel.
    """

    def __init__(self, policy: Callable[[str], TenantPolicy]) -> None:
        self._attributes = Attributes()
        self._policy = policy

    def know_types(self, event_types: Iterable[str]) -> None:
        """Learn the names of event types that were kept by `Memories.save_type`."""
        for event_type in event_types:
            self._attributes.type_id(event_type)

    def name_of(self, feature_id: int) -> str | None:
        """What a sparse feature is called, by its id; None: this process has not met it."""
        return self._attributes.name_of.get(feature_id) or OF_MEMORY.get(feature_id)

    def remember(self, events: Sequence[EnrichedEvent], memories: Memories) -> Remembered:
        """Remember events in order and give their vectors. Those that a lead's memory has taken already are left out.

        The memories are changed in place, not yet saved.
        """
        taken, touched = _not_yet_taken(events, memories)
        index = {key: i for i, key in enumerate(touched)}
        keys = [lead_key(event.tenant, event.lead) for event in taken]
        attributes = self._attributes
        attributes.make_room()
        attribute_ids: list[int] = []
        attribute_values: list[float] = []
        attribute_ends: list[int] = []
        number_starts: list[int] = []
        for event in taken:
            memories.save_type(event.type)
            number_starts.append(attributes.append(event, attribute_ids, attribute_values))
            attribute_ends.append(len(attribute_ids))
        n = len(taken)
        room = n * SPARSE + len(attribute_ids)
        vectors = Vectors(
            np.empty((n, WIDTH), np.float32), np.empty(room, np.uint64), np.empty(room, np.float32), np.empty(n, np.int64), np.empty((n, 2))
        )
        rows = np.concatenate([memory.row for memory in touched.values()] or [np.zeros(0)]).reshape(len(touched), m.ROW_WIDTH)
        remember(
            rows,
            np.array([index[key] for key in keys], np.int64),
            np.array([event.occurred_at for event in taken], np.float64),
            np.array([attributes.type_id(event.type) for event in taken], np.uint64),
            np.array([attributes.channel_id(event.channel) for event in taken], np.uint64),
            np.array([self._policy(event.tenant).stage_of(event.type) for event in taken], np.float64),
            np.array(attribute_ids, np.uint64),
            np.array(attribute_values, np.float32),
            np.array(attribute_ends, np.int64),
            np.array(number_starts, np.int64),
            *vectors,
        )
        for memory, row in zip(touched.values(), rows, strict=True):
            memory.row[:] = row  # a copy: a view would keep the whole batch's rows alive as long as the lead
        return Remembered(taken, keys, vectors, touched)


def _not_yet_taken(events: Sequence[EnrichedEvent], memories: Memories) -> tuple[list[EnrichedEvent], dict[str, m.LeadMemory]]:
    """Events whose sequence is beyond what their leads remember: others were published again after a failure."""
    taken: list[EnrichedEvent] = []
    touched: dict[str, m.LeadMemory] = {}
    for event in events:
        key = lead_key(event.tenant, event.lead)
        memory = touched.get(key) or memories.load(key)
        if event.sequence > memory.row[m.SEQUENCE]:
            memory.row[m.SEQUENCE] = event.sequence
            touched[key] = memory
            taken.append(event)
    return taken, touched
