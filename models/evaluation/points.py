"""The scoring points of a data set as arrays: what was known at each, what became of it, and when that was known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.dataset.labels import ScoringPoint
from models.features.registry import DENSE
from models.features.vector import FeatureVector
from models.nightly.columns import FeatureVectors, is_category
from models.remembrance import Remembrance
from models.replay import DictMemories
from schemas.enriched import EnrichedEvent
from schemas.event import OBSERVATION, PROFILE_UPDATED
from schemas.policy import TenantPolicy

CHUNK = 512
NEVER = np.iinfo(np.int64).max
"""`known_at` of a label that nobody ever learns."""

Features = dict[str, float | str]
"""A point's features by name: numbers, and categories as texts."""


class Points(NamedTuple):
    """n scoring points in order of time.

    `leads`: each lead as a number. `as_of`, `known_at`: ms. `names`: sparse id → name, and value of a category (None: a number).
    """

    leads: npt.NDArray[np.int64]
    as_of: npt.NDArray[np.int64]
    known_at: npt.NDArray[np.int64]
    converted: npt.NDArray[np.bool_]
    vectors: FeatureVectors
    names: Mapping[int, tuple[str, str | None]]

    def __len__(self) -> int:
        return len(self.as_of)

    def features(self, i: int) -> Features:
        """The features of point i by name."""
        start = int(self.vectors.ends[i - 1]) if i else 0
        named: Features = {feature.name: value for feature, value in zip(DENSE, self.vectors.dense[i].tolist(), strict=True)}
        end = int(self.vectors.ends[i])
        for feature_id, value in zip(self.vectors.ids[start:end].tolist(), self.vectors.values[start:end].tolist(), strict=True):
            name, category = self.names[feature_id]
            named[name] = value if category is None else category
        return named


def gathered(points: Sequence[ScoringPoint], events: Iterable[EnrichedEvent], known_at: Mapping[str, int], policy: TenantPolicy) -> Points:
    """Scoring points with the vectors that the engine would remember for them.

    Parameters
    ----------
    points
        In order of time.
    events
        All events of the stream, in order.
    known_at
        Event id → when the label may be learned, in ms; an event that is not in it: never.
    policy
        Of the tenant.
    """
    wanted = {point.event_id: i for i, point in enumerate(points)}
    vectors: list[FeatureVector | None] = [None] * len(points)
    names: dict[int, tuple[str, str | None]] = {}
    for event_id, vector in _remembered(events, wanted.keys(), names, policy):
        vectors[wanted[event_id]] = vector
    found = [vector for vector in vectors if vector is not None]
    assert len(found) == len(points), "every scoring point is an event of the stream"
    return Points(
        leads=np.unique([point.lead for point in points], return_inverse=True)[1].astype(np.int64),
        as_of=np.array([point.occurred_at for point in points], np.int64),
        known_at=np.array([max(known_at.get(point.event_id, NEVER), point.occurred_at) for point in points], np.int64),
        converted=np.array([point.is_converted for point in points], np.bool_),
        vectors=FeatureVectors.stacked(found),
        names=names,
    )


def _remembered(
    events: Iterable[EnrichedEvent], wanted: Iterable[str], names: dict[int, tuple[str, str | None]], policy: TenantPolicy
) -> Iterator[tuple[str, FeatureVector]]:
    of = frozenset(wanted)
    remembrance, memories = Remembrance(lambda _: policy), DictMemories()
    engagements = (event for event in events if event.channel != OBSERVATION and event.type != PROFILE_UPDATED)
    while batch := list(islice(engagements, CHUNK)):
        remembered = remembrance.remember(batch, memories)
        for key, memory in remembered.touched.items():
            memories.save(key, memory)
        for i, event in enumerate(remembered.events):
            if event.event_id not in of:
                continue
            vector = remembered.vectors.one(i)
            vector = FeatureVector(vector.dense.copy(), vector.ids.copy(), vector.values.copy())
            for feature_id in vector.ids.tolist():
                if feature_id not in names:
                    names[feature_id] = _parted(remembrance.name_of(feature_id) or str(feature_id), feature_id)
            yield event.event_id, vector


def _parted(name: str, feature_id: int) -> tuple[str, str | None]:
    if not is_category(np.array([feature_id]))[0]:
        return name, None
    attribute, _, category = name.partition("=")
    return attribute, category
