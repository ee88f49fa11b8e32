"""A lane's batch of claims → the graphs of its tenants, and the moves that they give."""

from collections.abc import Iterator, MutableMapping
from typing import Any, TypeVar

from pyflink.datastream.functions import KeyedProcessFunction, RuntimeContext

from infra.settings import Settings
from jobs.operators.guard import Guard
from jobs.operators.lane_state import BatchedState, LaneMap, bytes_by_text
from jobs.operators.opening import opened_codec
from jobs.sinks import Publisher, Record, in_rows
from models.identity.kinds import is_identifier
from models.identity.known import Known
from models.identity.moves import event_of
from models.identity.stitcher import Standing, Stitcher
from schemas.errors import PoisonRecordError
from schemas.identity import CLAIM_KINDS, SEEN, IdentityClaim
from schemas.ids import KEY_SEPARATOR, lead_key
from schemas.topics import Topic, Value

STAGE = "stitch_leads.stitch_lane"
SOURCES = (Topic.IDENTITIES_CLAIMED,)
PARTED = 2
"""An operator's claim is about two identifiers."""

T = TypeVar("T")


def check_record(record: Value, key: bytes) -> None:
    """Refuse what says nothing of the key's tenant."""
    if not isinstance(record, IdentityClaim):
        raise PoisonRecordError(f"a {type(record).__name__} where an IdentityClaim belongs", reason="wrong_type")
    problems = [] if record.kind in CLAIM_KINDS else [f"kind is none of {', '.join(CLAIM_KINDS)}"]
    if key != record.tenant.encode() or not record.tenant or KEY_SEPARATOR in record.tenant:
        problems.append("the record's key is not the tenant")
    named = [*record.people, *record.devices]
    if not all(is_identifier(one) for one in (*named, *record.roles, *record.alias)):
        problems.append("what it names are no identifiers, kind:value")
    if not named or (record.kind != SEEN and len(record.people) != PARTED):
        problems.append("it names too few identifiers")
    if problems:
        raise PoisonRecordError("; ".join(problems))


class OfTenant(MutableMapping[str, T]):
    """One tenant's part of a lane's map. Never walked over: what is asked for is asked by name."""

    def __init__(self, values: LaneMap[T], tenant: str) -> None:
        self._values = values
        self._prefix = f"{tenant}{KEY_SEPARATOR}"

    def __getitem__(self, name: str) -> T:
        return self._values[self._prefix + name]

    def __setitem__(self, name: str, value: T) -> None:
        self._values[self._prefix + name] = value

    def __delitem__(self, name: str) -> None:
        del self._values[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        return (key.removeprefix(self._prefix) for key in self._values if key.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class StitchLane(KeyedProcessFunction):
    """Keyed by lane of tenant."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open state and codec."""
        settings = self._settings
        self._codec = opened_codec(settings)
        max_bytes = settings.kafka.max_record_bytes * 2
        self._guard = Guard(STAGE, self._codec, SOURCES, check=check_record, max_bytes=max_bytes, release=settings.release)
        # for good: see the job
        self._written = [BatchedState(bytes_by_text(runtime_context, name)) for name in ("identifiers", "standings")]
        identifiers, standings = self._written
        self._known = LaneMap(identifiers, Known.from_bytes, Known.to_bytes, limit=settings.flink.cached_leads)
        self._standings = LaneMap(standings, Standing.from_bytes, Standing.to_bytes, limit=settings.flink.cached_leads)
        self._stitchers: dict[str, Stitcher] = {}
        self._publisher = Publisher(settings.kafka)

    @in_rows
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Record]:  # noqa: ARG002 - Flink's signature
        """Learn the batch's claims; tell each id that stands for another lead, and whoever reads of it."""
        decoded = self._guard.decode(value)
        for claim in decoded.values:
            for moved in self._stitcher(claim.tenant).take(claim):
                key = lead_key(moved.tenant, moved.lead).encode()
                yield self._publisher.record(Topic.EVENTS_RECEIVED, key, self._codec.encode(event_of(moved)), moved.occurred_at)
                yield self._publisher.record(Topic.LEADS_MOVED, key, self._codec.encode(moved), moved.occurred_at)
        for state in self._written:
            state.flush()
        for letter in decoded.dead:
            yield self._publisher.record(Topic.RECORDS_DEAD, letter.key or b"", self._codec.encode(letter), letter.failed_at)

    def _stitcher(self, tenant: str) -> Stitcher:
        stitcher = self._stitchers.get(tenant)
        if stitcher is None:
            stitcher = self._stitchers[tenant] = Stitcher(tenant, OfTenant(self._known, tenant), OfTenant(self._standings, tenant))
        return stitcher
