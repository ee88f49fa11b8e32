"""What a lead costs in state: the engine over simulated journeys, then a look at what it keeps."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from models import memory
from models.enrichment import Acquaintance, enrich
from models.journeys import simulator
from models.replay import DictMemories, Replay
from schemas.enriched import EnrichedEvent
from schemas.event import Event
from schemas.ids import lead_key
from schemas.outcome import Outcome
from schemas.policy import DAY_MS
from tests.bench.workload import MONDAY

RETENTION_MS = 400 * DAY_MS
DAYS = 90
BATCH = 500
HEAD_BYTES = 1 + 8 * memory.ROW_WIDTH


class Cost(NamedTuple):
    """Bytes of one kind, over leads."""

    mean: float
    p50: float
    p99: float
    most: float


class State(NamedTuple):
    """Over the leads that are remembered at the end.

    `memory`: the row. `pending`: what waits for labels: index entries, names and kept points together. `point`: one kept point.
    """

    leads: int
    events: int
    memory: Cost
    pending: Cost
    point: Cost


def measure(leads: int) -> State:
    """The state of so many leads at the end of ninety days, scored by a model that learns: one that has not says the same of all."""
    replay = Replay({})
    events = 0
    for batch in _batches(leads):
        events += sum(isinstance(record, EnrichedEvent) for record in batch)
        for _ in replay.run([batch]):
            pass
    return _cost(replay.memories, events)


def _batches(leads: int) -> Iterator[list[EnrichedEvent | Outcome]]:
    known: dict[str, Acquaintance] = {}
    steps = simulator.simulate(tenant="bench", seed=1, leads=leads, start=MONDAY, days=DAYS)
    records = filter(None, (enriched(step.record, known) for step in steps))
    while batch := list(islice(records, BATCH)):
        yield batch


def enriched(record: Event | Outcome, known: dict[str, Acquaintance]) -> EnrichedEvent | Outcome | None:
    """The record as the engine reads it; None: it came before."""
    if isinstance(record, Outcome):
        return record
    acquaintance = known.setdefault(lead_key(record.tenant, record.lead), Acquaintance())
    return enrich(record, acquaintance, retention_ms=RETENTION_MS).event


def _cost(memories: DictMemories, events: int) -> State:
    kept = dict.fromkeys(memories.leads, 0)
    for (key, _), point in memories.points.items():
        kept[key] += len(point)
    pending = [len(lead.to_bytes()) - HEAD_BYTES + kept[key] for key, lead in memories.leads.items()]
    points = [len(point) for point in memories.points.values()]
    return State(len(memories.leads), events, _summary([HEAD_BYTES] * len(memories.leads)), _summary(pending), _summary(points))


def _summary(sizes: list[int]) -> Cost:
    p50, p99, most = np.percentile(sizes, [50, 99, 100])
    return Cost(round(float(np.mean(sizes)), 1), float(p50), float(p99), float(most))
