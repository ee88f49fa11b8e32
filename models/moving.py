"""What a move means to a lead's memory: it goes to another lead, comes from one, or is taken back."""

import math
from typing import NamedTuple

from models import memory as m
from models.features.vector import PATTERN_MODEL, FeatureVector, vector_from_bytes
from models.handover import Handover, event_of, handover_in
from models.memories import Memories
from models.memory import LeadMemory
from models.merging import merge, part
from models.pairing import KeptPoint, point_from_bytes
from schemas.enriched import EnrichedEvent
from schemas.event import LEAD_MOVED, Event
from schemas.ids import Millis
from schemas.outcome import LOST, WON, Outcome
from schemas.policy import TenantPolicy

OWN_SOURCE = "prox"
"""Source of outcomes that the jobs pass on."""


class Restated(NamedTuple):
    """What a lead that was never scored is scored by: the latest vector of the lead that became part of it, and its event."""

    event_id: str
    as_of: int
    vector: FeatureVector


class Followed(NamedTuple):
    """The lead's memory after a move, and what is to be told to other leads."""

    memory: LeadMemory
    events: list[Event]
    outcomes: list[Outcome]
    restated: Restated | None = None


def leave(event: EnrichedEvent, key: str, memory: LeadMemory, memories: Memories) -> Followed:
    """The id stands for another lead from here on, or for its own again.

    What the id did goes along: from here at its first move, later from where it was brought. The row stays, as it was when it first went:
    so it can be taken back. Points go for good. An outcome goes its own way, as every outcome does: it may be heard of before or behind the
    move when this is done again after a failure.
    """
    texts, number = event.texts, int(event.numbers["number"])
    to, origin, lead = texts["to"], texts["memory_from"], event.lead
    if not memory.row[m.COUNT]:
        memory.row[m.LAST_AT] = max(memory.row[m.LAST_AT], event.occurred_at)
    points: dict[int, KeptPoint] = {}
    told: list[Event] = []
    if origin == lead:
        for point in memory.pending:
            kept = point_from_bytes(memories.load_point(key, point.sequence), memory.names)
            points[point.sequence] = kept if kept.lead else kept._replace(lead=lead, sequence=point.sequence)
            memories.drop_point(key, point.sequence)
    row = memory.row.copy()
    row[m.OUTCOME_AT], row[m.IS_WON] = math.nan, 0.0
    going = LeadMemory(row, [point for point in memory.pending if point.sequence in points])
    memory.pending = [point for point in memory.pending if point.sequence not in points]
    if origin and (row[m.COUNT] or points):
        if origin != lead:
            returned = Handover(lead, number, is_returned=True, memory=LeadMemory(row, []), points={})
            told.append(event_of(returned, lead=origin, moved=event))
        if to != lead:
            given = Handover(lead, number, is_returned=False, memory=going, points=points)
            told.append(event_of(given, lead=to, moved=event))
    if to == lead:
        memories.drop_moved(key)
        return Followed(memory, told, [])
    memories.save_moved(key, to)
    return Followed(memory, told, _outcomes(event, memory, to))


def arrive(event: EnrichedEvent, key: str, memory: LeadMemory, memories: Memories, policy: TenantPolicy) -> Followed:
    """Another id's memory becomes part of this one, or ceases to be."""
    handover = handover_in(event.texts, event.numbers)
    if handover.is_returned:
        return Followed(part(memory, handover.memory), [], [])
    is_scored = memory.row[m.GRADE] >= 0 and memory.row[m.COUNT] > 0
    merged = merge(memory, handover.memory, policy)
    for sequence in merged.dropped:
        memories.drop_point(key, sequence)
    for before, after in merged.taken.items():
        memories.save_point(key, after, handover.points[before].to_bytes())
    return Followed(merged.memory, [], [], None if is_scored else _latest(handover))


def _latest(handover: Handover) -> Restated | None:
    point = max(handover.memory.pending, key=lambda one: (one.as_of, one.sequence), default=None)
    if point is None:
        return None
    kept = handover.points[point.sequence]
    return Restated(kept.event_id, point.as_of, vector_from_bytes(kept.features).without(PATTERN_MODEL))


def _outcomes(event: EnrichedEvent, memory: LeadMemory, to: str) -> list[Outcome]:
    at = float(memory.row[m.OUTCOME_AT])
    if math.isnan(at):
        return []
    outcome = WON if memory.row[m.IS_WON] else LOST
    outcome_id = f"{LEAD_MOVED}|{event.lead}"
    return [Outcome(event.tenant, to, outcome_id, outcome, Millis(int(at)), event.received_at, source=OWN_SOURCE)]
