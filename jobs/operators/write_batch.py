"""A lane's batch of results → Cassandra, acknowledged before the operator returns."""

from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from pyflink.datastream.functions import KeyedProcessFunction, RuntimeContext

from connectors.cassandra.admission import Storable
from connectors.cassandra.writer import ResultsWriter, Retried
from infra.settings import Settings
from jobs.operators import score_lane
from jobs.operators.guard import Guard
from jobs.operators.lane_state import BatchedState, LaneMap, bytes_by_text
from jobs.operators.opening import opened_codec
from jobs.operators.wall_clock import now_ms
from jobs.sinks import Publisher, Record, in_rows
from models.enrichment import check_outcome
from schemas.dead_letter import DeadLetter
from schemas.errors import PoisonRecordError
from schemas.ids import lead_key
from schemas.metric import Metric
from schemas.model_snapshot import ModelSnapshot
from schemas.outcome import Outcome
from schemas.policy import TenantPolicy
from schemas.topics import VALUE_TYPES, Topic, Value

STAGE = "store_results.write_batch"
SOURCES = (
    Topic.EVENTS_ENRICHED,
    Topic.OUTCOMES_RECEIVED,
    Topic.SCORES_PUBLISHED,
    Topic.METRICS_PUBLISHED,
    Topic.MODELS_PUBLISHED,
    Topic.PUSHES_REPORTED,
    Topic.LINKS_CHANGED,
    Topic.OVERRIDES_DECIDED,
)
STORED = tuple(VALUE_TYPES[topic] for topic in SOURCES)
GIVE_UP_AFTER_S = 3_600.0
"""Cassandra may be away for an hour before Flink restarts the job, which waits again."""


def check_record(record: Value, key: bytes) -> None:
    """Refuse what no table holds."""
    if not isinstance(record, STORED):
        raise PoisonRecordError(f"a {type(record).__name__}, which no table holds", reason="wrong_type")
    if isinstance(record, Outcome):
        # by its arrival, so that what score_leads refused is not taken days later; by the wall clock where the arrival is ahead of it
        check_outcome(record, key, now=min(record.received_at, now_ms()))


def key_of(value: Storable) -> bytes:
    """The key that a value's record has."""
    match value:
        case Metric():
            return value.tenant.encode()
        case ModelSnapshot():
            return value.key.encode()
        case _:
            return lead_key(value.tenant, value.lead).encode()


def lane_bands(state: Any, *, limit: int) -> LaneMap[int]:
    """The rank of each lead: eight bytes a lead."""
    return LaneMap(state, lambda data: int.from_bytes(data, "little", signed=True), lambda rank: rank.to_bytes(8, "little", signed=True), limit=limit)


def lane_accounts(state: Any, *, limit: int) -> LaneMap[str]:
    """The account in whose list each lead stands, of leads that have one."""
    return LaneMap(state, bytes.decode, str.encode, limit=limit)


class WriteBatch(KeyedProcessFunction):
    """Keyed by lane."""

    def __init__(self, settings: Settings, policies: Mapping[str, TenantPolicy]) -> None:
        self._settings = settings
        self._repeatable = frozenset(tenant for tenant, policy in policies.items() if policy.is_repeatable)

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open state, codec and the connection."""
        settings = self._settings
        self._codec = opened_codec(settings)
        max_bytes = settings.kafka.max_record_bytes * 2
        self._guard = Guard(STAGE, self._codec, SOURCES, check=check_record, max_bytes=max_bytes, release=settings.release)
        self._written = [BatchedState(bytes_by_text(runtime_context, name)) for name in ("bands", "accounts")]
        bands, accounts = self._written
        self._bands = lane_bands(bands, limit=settings.flink.cached_leads)
        self._accounts = lane_accounts(accounts, limit=settings.flink.cached_leads)
        self._writer = ResultsWriter(settings.cassandra, repeatable=self._repeatable, give_up_after_s=GIVE_UP_AFTER_S, on_retry=_report)
        self._publisher = Publisher(settings.kafka)

    def close(self) -> None:
        """End the connection."""
        self._writer.close()

    @in_rows
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Record]:  # noqa: ARG002 - Flink's signature
        """Write the batch; what cannot be read or held becomes a dead letter, unless `score_leads` has already made it one."""
        decoded = self._guard.decode(value)
        # a challenger's snapshot is of use to score_leads alone: what a version was, is what scores followed
        shown = [one for one in decoded.values if not isinstance(one, ModelSnapshot) or one.is_champion]
        refused = self._writer.write(shown, self._bands, self._accounts)
        for state in self._written:
            state.flush()
        for letter in decoded.dead:
            if letter.topic not in score_lane.SOURCES:
                yield self._record(letter)
        for outcast in refused:
            origin = next(i for i, topic in enumerate(SOURCES) if VALUE_TYPES[topic] is type(outcast.value))
            yield self._record(self._guard.dead_letter(key_of(outcast.value), self._codec.encode(outcast.value), origin, outcast.error))

    def _record(self, letter: DeadLetter) -> Record:
        return self._publisher.record(Topic.RECORDS_DEAD, letter.key or b"", self._codec.encode(letter), letter.failed_at)


def _report(retried: Retried) -> None:
    structlog.get_logger().warning("write.retried", job="store_results", attempt=retried.attempt, parts=retried.parts, error=retried.error)
