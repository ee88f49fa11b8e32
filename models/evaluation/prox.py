"""ProX itself over a data set: the propensities published at each event, and when each label became known."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from models.dataset.dataset import DataSet
from models.engine import VersionedModel
from models.evaluation.run import Clock, Progress, Run, Stopwatch
from models.evaluation.stream import batches, records
from models.learner import Learner
from models.nightly.columns import FeatureVectors
from models.nightly.nights import Nights
from models.replay import Replay, hazard_learner
from schemas.errors import FatalError
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy

NAME, HINTED = "prox", "prox, hints"
NOTES = {NAME: "as published at each event", HINTED: "with the crosses and the memory that the manifest lists, for comparison"}
BATCH = 64
TIMED = 6_400
"""Vectors that the cost of a score is measured on, the last ones of the stream."""

WARM_UP = 200
"""Labels after which the time of learning begins to count: the first ones pay for compiling the kernels, seconds in all."""


class Sizes(NamedTuple):
    """Bytes of state at the end of the stream: the tenant's learner, and by lead its memory and the points that wait for their labels."""

    learner: int
    memory: float
    points: float

    def __str__(self) -> str:
        return f"state in bytes: learner {self.learner:,}, a lead's memory {self.memory:,.0f}, its waiting points {self.points:,.0f}"


class Replayed(NamedTuple):
    """What a replay gave: event id → published propensity; event id → when the label of its whole window may be learned, in ms.

    `model`: the last one. `us_label`: CPU µs to learn the label of one interval, by how many were learned.
    """

    published: dict[str, float]
    known_at: dict[str, int]
    model: VersionedModel | None
    us_label: float
    sizes: Sizes


class TimedLearner:
    """A learner, and the time it takes to learn."""

    def __init__(self, learner: Learner, stopwatch: Stopwatch) -> None:
        self._learner = learner
        self._stopwatch = stopwatch
        self._is_warm = False
        self.name = learner.name
        self.model = learner.model
        self.to_bytes = learner.to_bytes

    def learn(self, example: MaturedExample) -> int:
        """Learn; every interval's label counts."""
        with self._stopwatch:
            labels = self._learner.learn(example)
        self._stopwatch.times += labels
        if self._stopwatch.times >= WARM_UP and not self._is_warm:
            self._is_warm = True
            self._stopwatch.spent_ns = self._stopwatch.times = 0
        return labels


def replay(
    data: DataSet, clock: Clock, progress: Progress, *, learner: Callable[[TenantPolicy], Learner] = hazard_learner, with_hints: bool = False
) -> Replayed:
    """Run the engine over a data set, as the jobs would.

    Parameters
    ----------
    data
        What to replay.
    clock, progress
        As in `run`.
    learner
        As in `Replay`.
    with_hints
        Whether events carry what the manifest hints at.
    """
    stopwatch = Stopwatch(clock)
    engine = Replay({data.tenant: data.policy}, learner=lambda policy: TimedLearner(learner(policy), stopwatch), nights=Nights)
    published: dict[str, float] = {}
    known_at: dict[str, int] = {}
    window_ms, total, done = data.policy.window_ms, data.record_count(), 0
    for batch in batches(records(data, with_hints=with_hints), data.policy):
        for processed in engine.run([batch]):
            published.update((one.event_id, one.propensity) for one in processed.scores)
            for example in processed.examples:
                if example.is_final:
                    known_at[example.event_id] = example.window_end(window_ms)
        done += len(batch)
        progress(HINTED if with_hints else NAME, done, total)
    return Replayed(published, known_at, engine.model(data.tenant), stopwatch.us_each(), _sizes(engine, data.tenant))


def _sizes(engine: Replay, tenant: str) -> Sizes:
    memories, leads = engine.memories, max(len(engine.memories.leads), 1)
    learner = engine.learners.get(tenant)
    return Sizes(
        learner=len(learner.to_bytes()) if learner is not None else 0,
        memory=sum(len(memory.to_bytes()) for memory in memories.leads.values()) / leads,
        points=sum(map(len, memories.points.values())) / leads,
    )


def matured(data: DataSet, progress: Progress) -> Iterator[MaturedExample]:
    """The matured examples of a data set, as a replay gives them."""
    engine = Replay({data.tenant: data.policy})
    total, done = data.record_count(), 0
    for batch in batches(records(data), data.policy):
        for processed in engine.run([batch]):
            yield from processed.examples
        done += len(batch)
        progress(NAME, done, total)


def run(name: str, replayed: Replayed, event_ids: list[str], vectors: FeatureVectors, clock: Clock) -> Run:
    """The replay as a model among others.

    Parameters
    ----------
    name
        NAME or HINTED.
    replayed
        What the replay gave.
    event_ids
        Of the scoring points, in order.
    vectors
        Of the scoring points.
    clock
        As in `run`.

    Raises
    ------
    FatalError
        A scoring point was not scored, or with a propensity that is none.
    """
    missing = [event_id for event_id in event_ids if event_id not in replayed.published]
    if missing:
        raise FatalError(f"{len(missing)} scoring points were not scored, the first is {missing[0]}")
    propensities = np.array([replayed.published[event_id] for event_id in event_ids])
    if not ((propensities >= 0.0) & (propensities <= 1.0)).all():
        raise FatalError("a published propensity is not within 0 and 1")
    return Run(name, propensities, _us_score(replayed.model, vectors, clock), replayed.us_label, f"{NOTES[name]}; {replayed.sizes}")


def _us_score(versioned: VersionedModel | None, vectors: FeatureVectors, clock: Clock) -> float:
    if versioned is None:
        return 0.0
    stopwatch = Stopwatch(clock)
    rows = np.arange(max(len(vectors) - TIMED, 0), len(vectors))
    pieces = [vectors.take(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]
    at = np.zeros(BATCH, np.int64)  # no base is stale then
    versioned.score(pieces[0], at[: len(pieces[0])])  # compiled and warm
    for piece in pieces:
        with stopwatch:
            versioned.score(piece, at[: len(piece)])
        stopwatch.times += len(piece)
    return stopwatch.us_each()
