"""What the lead model costs by itself: µs a score and a label, bytes of a learner and of a lead, over streams replayed in this process."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.dataset import dataset
from models.dataset.files import open_file
from models.engine import Engine, VersionedModel
from models.enrichment import Acquaintance
from models.evaluation.stream import Record, batches, records
from models.journeys import simulator
from models.learner import Learner
from models.nightly.columns import FeatureVectors
from models.nightly.nights import Nights
from models.replay import DictMemories, Replay, hazard_learner
from schemas.enriched import EnrichedEvent
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.policy import TenantPolicy
from tests.bench.state import enriched
from tests.bench.workload import MONDAY, TENANT

SETS = ("x_education", "bpic2012", "bank_marketing")
SIMULATED, LEADS, DAYS = "simulated", 1_000, 90
RECORDS = 30_000
"""Of each stream, the first ones: the learner has all its places by then, and a set takes a minute at most."""
SIZES = (64, 5, 1)
"""Scores at once: of the aim, and of the live path at low rates."""
VECTORS = 1_280
EVENTS = 1_024
ROUNDS = 5
"""Of which the fastest counts: what other programs take is not the model's."""
PART = 100
"""Labels come in parts of so many; the middle one of the last half counts."""


class Stream(NamedTuple):
    """Records of one tenant in order."""

    name: str
    tenant: str
    policy: TenantPolicy
    records: list[Record]


class Cost(NamedTuple):
    """Of one stream; times in µs of processor time.

    `score`, `with_base`: of a score, by how many are made at once, as vectors are scored; `engine`: of an event, by how many come at once,
    from event to score, base included. `label`, `point`: to learn one interval's label, and all of a point's; `model`: to make the learner's
    model ready to score. `has_base`: whether a night has trained one. Bytes: of the learner as state, of a model as published, and by lead of
    memory and waiting points.
    """

    score: dict[int, float]
    with_base: dict[int, float]
    engine: dict[int, float]
    label: float
    point: float
    model: float
    has_base: bool
    learner_bytes: int
    model_bytes: int
    memory_bytes: float
    waiting_bytes: float


class Watched:
    """A learner, and how long each example takes it."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self.name, self.model, self.to_bytes = learner.name, learner.model, learner.to_bytes
        self.spent_ns: list[int] = []
        self.labels = self.points = 0

    def learn(self, example: MaturedExample) -> int:
        """Learn, and note the time."""
        began = time.thread_time_ns()
        labels = self._learner.learn(example)
        self.spent_ns.append(time.thread_time_ns() - began)
        self.labels += labels
        self.points += example.is_final
        return labels

    def us_example(self) -> float:
        """The middle one of the last half's parts."""
        parts = len(self.spent_ns) // (2 * PART)
        if not parts:
            return float(np.mean(self.spent_ns or [0])) / 1e3
        return float(np.median(np.array(self.spent_ns[-parts * PART :]).reshape(parts, PART).mean(axis=1))) / 1e3


def streams(sets: Path) -> Iterator[Stream]:
    """Simulated journeys, and those of the development sets that lie in this folder."""
    known: dict[str, Acquaintance] = {}
    steps = simulator.simulate(tenant=TENANT, seed=1, leads=LEADS, start=MONDAY, days=DAYS)
    simulated = (enriched(step.record, known) for step in steps)
    yield Stream(SIMULATED, TENANT, TenantPolicy(), list(islice((one for one in simulated if one is not None), RECORDS)))
    for name in SETS:
        manifest = sets / name / "manifest.toml"
        if manifest.exists():
            data = dataset.read(str(manifest), open_file)
            yield Stream(name, data.tenant, data.policy, list(islice(records(data), RECORDS)))


def measure(stream: Stream) -> Cost:
    """Replay a stream, learning at every step and training by night, then time its last model on its last events."""
    watched: list[Watched] = []

    def watch(policy: TenantPolicy) -> Learner:
        watched.append(Watched(hazard_learner(policy)))
        return watched[0]

    replay = Replay({stream.tenant: stream.policy}, learner=watch, nights=Nights)
    for _ in replay.run(batches(stream.records, stream.policy)):
        pass
    versioned, learner = replay.model(stream.tenant), watched[0]
    assert versioned is not None
    memories, leads = replay.memories, max(len(replay.memories.leads), 1)
    us_example, examples = learner.us_example(), len(learner.spent_ns)
    events = [record for record in stream.records if isinstance(record, EnrichedEvent)][-EVENTS:]
    vectors = _vectors(events, stream)
    return Cost(
        score={size: _us_score(versioned._replace(base=None), vectors, size) for size in SIZES},
        with_base={size: _us_score(versioned, vectors, size) for size in SIZES},
        engine={size: _us_event(versioned, events, stream, size) for size in SIZES},
        label=us_example * examples / max(learner.labels, 1),
        point=us_example * examples / max(learner.points, 1),
        model=_fastest(learner.model, 20),
        has_base=versioned.base is not None,
        learner_bytes=len(learner.to_bytes()),
        model_bytes=len(versioned.model.to_bytes()),
        memory_bytes=sum(len(memory.to_bytes()) for memory in memories.leads.values()) / leads,
        waiting_bytes=sum(map(len, memories.points.values())) / leads,
    )


def _vectors(events: list[EnrichedEvent], stream: Stream) -> FeatureVectors:
    remembered = Engine({stream.tenant: stream.policy}).remember(events, DictMemories())
    return FeatureVectors(*remembered.vectors[:4]).trimmed()


def _us_score(versioned: VersionedModel, vectors: FeatureVectors, size: int) -> float:
    rows = np.arange(min(len(vectors), VECTORS))
    pieces = [vectors.take(rows[start : start + size]) for start in range(0, len(rows), size)][:VECTORS]
    at = np.zeros(size, np.int64)  # no base is stale then
    scored = sum(map(len, pieces))

    def run() -> None:
        for piece in pieces:
            versioned.score(piece, at[: len(piece)])

    return _fastest(run, 1) / scored


def _us_event(versioned: VersionedModel, events: list[EnrichedEvent], stream: Stream, size: int) -> float:
    # trained long before or after: a base that is stale costs the same
    def run() -> None:
        engine, memories = Engine({stream.tenant: stream.policy}), DictMemories()
        for start in range(0, len(events), size):
            engine.process(events[start : start + size], memories, lambda _: versioned, now=Millis(0))

    return _fastest(run, 1) / max(len(events), 1)


def _fastest(what: Callable[[], object], times: int) -> float:
    """µs of the fastest of ROUNDS rounds, after one that warms up."""
    spent = []
    for _ in range(ROUNDS + 1):
        began = time.thread_time_ns()
        for _ in range(times):
            what()
        spent.append((time.thread_time_ns() - began) / 1e3 / times)
    return min(spent[1:])
