"""What one id's lane gives another's: a memory with the points that wait, in an event of the receiving lead."""

import base64
import binascii
from collections.abc import Mapping
from hashlib import blake2b
from struct import error as struct_error
from typing import NamedTuple

import msgpack

from models.memory import LeadMemory
from models.pairing import KeptPoint, point_from_bytes
from schemas.enriched import EnrichedEvent
from schemas.errors import FatalError, PoisonRecordError
from schemas.event import MEMORY_MOVED, OBSERVATION, Event

VERSION = 2
BEFORE_PACKING = 1
"""A version whose memory and points were written by the releases before."""


class Handover(NamedTuple):
    """A memory on its way to another lead.

    `origin` is the id that it was kept under, `number` the move that sends it. `is_returned`: the receiver had it, and is to do without it
    from now on; then no points come along. `points` are those that wait, by their numbers in the memory, each naming the lead and the
    sequence that it was published under.
    """

    origin: str
    number: int
    is_returned: bool
    memory: LeadMemory
    points: dict[int, KeptPoint]


def own_event_id(event_type: str, origin: str, number: int) -> str:
    """The id of what a move sends: the same for the same move, and as short as an id may be, however long the lead's is."""
    return f"{event_type}|{blake2b(origin.encode(), digest_size=12).hexdigest()}|{number}"


def event_of(handover: Handover, *, lead: str, moved: EnrichedEvent) -> Event:
    """The event that brings it to a lead, as of the move; the same id for the same move, so that a repeat is known as one."""
    points = {number: point.to_bytes() for number, point in handover.points.items()}
    packed = msgpack.packb([VERSION, handover.memory.to_bytes(), points])
    return Event(
        tenant=moved.tenant,
        lead=lead,
        event_id=own_event_id(f"{MEMORY_MOVED}|back" if handover.is_returned else MEMORY_MOVED, handover.origin, handover.number),
        type=MEMORY_MOVED,
        channel=OBSERVATION,
        occurred_at=moved.occurred_at,
        received_at=moved.received_at,
        properties={
            "from": handover.origin,
            "number": float(handover.number),
            "is_returned": float(handover.is_returned),
            "memory": base64.b64encode(packed).decode(),
        },
        context={},
        consent={},
    )


def handover_in(texts: Mapping[str, object], numbers: Mapping[str, object]) -> Handover:
    """What `event_of` wrote, from an event's texts and numbers.

    Raises
    ------
    PoisonRecordError
        It is nothing that `event_of` writes.
    """
    try:
        version, memory, points = msgpack.unpackb(base64.b64decode(str(texts["memory"]), validate=True), strict_map_key=False)
        if version not in (BEFORE_PACKING, VERSION):
            raise FatalError(f"handed over memory of version {version}, this release reads {BEFORE_PACKING} and {VERSION}")
        read = LeadMemory.from_bytes(memory)
        kept = {int(number): point_from_bytes(point) for number, point in points.items()}
        if not all(isinstance(point.event_id, str) and isinstance(point.features, bytes) for point in kept.values()):
            raise TypeError("points of other types")
        handover = Handover(str(texts["from"]), int(float(str(numbers["number"]))), bool(numbers["is_returned"]), read, kept)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, binascii.Error, msgpack.UnpackException, struct_error, FatalError) as exc:
        raise PoisonRecordError(f"no memory that was handed over: {type(exc).__name__}", reason="invalid") from exc
    if {point.sequence for point in read.pending} != kept.keys():
        raise PoisonRecordError("a memory that was handed over without its points", reason="invalid")
    return handover
