"""A lane without Flink: the engine with memories in a dict, labels when the test says that time has come."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from models.due import DueQueue
from models.engine import Engine, VersionedModel
from models.memory import LeadMemory
from models.nightly.columns import FeatureVectors
from models.replay import DictMemories, DictStore
from schemas.enriched import EnrichedEvent
from schemas.example import MaturedExample
from schemas.ids import Millis, lead_key
from schemas.outcome import Outcome
from schemas.policy import DAY_MS, TenantPolicy
from schemas.score import LeadScore
from tests.builders import TENANT, a_model

Record = EnrichedEvent | Outcome
ModelOf = Callable[[str], VersionedModel | None]
END = Millis(2**52)
"""When everything is over; doubles still count milliseconds there."""
NOW = Millis(1)


def opinionated(tenant: str) -> VersionedModel | None:  # noqa: ARG001 - every tenant's
    """Version 7 of a model with opinions."""
    return VersionedModel(7, a_model())


class Tilted(NamedTuple):
    """A nightly base that thinks much of leads that did much."""

    trained_at: int

    def logits(self, vectors: FeatureVectors) -> np.ndarray:
        return vectors.dense[:, 0].astype(np.float64) - 1.0


class LaneLabel(NamedTuple):
    """What is to be learned of one interval of one scoring point."""

    key: str
    sequence: int
    interval: int
    is_converted: bool


class Lane:
    """Takes batches, keeps what comes out."""

    def __init__(
        self,
        policies: Mapping[str, TenantPolicy] | None = None,
        *,
        policy: TenantPolicy | None = None,
        model_of: ModelOf = opinionated,
        retention_ms: int = 400 * DAY_MS,
    ) -> None:
        self._policies = policies or ({TENANT: policy} if policy else {})
        self._retention_ms = retention_ms
        self.model_of = model_of
        self.memories = DictMemories()
        self.store = DictStore()
        self.scores: list[LeadScore] = []
        self.examples: list[MaturedExample] = []
        self._begin()

    def _begin(self) -> None:
        self.engine = Engine(self._policies, retention_ms=self._retention_ms)
        self.engine.know_types(self.memories.types)
        self.queue = DueQueue(self.store)

    def restart(self) -> None:
        """Go on with nothing but the bytes that state would hold."""
        self.memories.leads = {key: LeadMemory.from_bytes(memory.to_bytes()) for key, memory in self.memories.leads.items()}
        self._begin()

    def take(self, batch: Sequence[Record]) -> list[LeadScore]:
        """Process one batch; gives its scores."""
        processed = self.engine.process(batch, self.memories, self.model_of, now=NOW)
        self.queue.add(processed.due)
        self.scores += processed.scores
        self.examples += processed.examples
        return processed.scores

    def advance(self, now: int = END) -> list[MaturedExample]:
        """Event time has come so far; gives the examples that matured, as a job would."""
        matured, due = self.engine.mature(self.queue.take(now), self.memories, now=now)
        self.queue.add(due)
        self.examples += matured
        return matured

    @property
    def labels(self) -> list[LaneLabel]:
        """Every interval's label, in order of coming out."""
        return [label for example in self.examples for label in labels_of(example)]


def labels_of(example: MaturedExample) -> list[LaneLabel]:
    """The interval labels of an example."""
    key = lead_key(example.tenant, example.lead)
    last = example.last_interval
    return [LaneLabel(key, example.sequence, k, example.is_converted and k == last) for k in range(example.first_interval, last + 1)]


def in_batches(records: Sequence[Record], cuts: Sequence[int]) -> list[Sequence[Record]]:
    """The records parted before these positions."""
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(records)}), len(records)]
    return [records[start:end] for start, end in pairwise(edges)]
