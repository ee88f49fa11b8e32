"""A lane's batch of events and outcomes → scores and matured examples."""

from collections.abc import Iterator, Mapping
from typing import Any

from pyflink.datastream.functions import KeyedBroadcastProcessFunction, RuntimeContext
from pyflink.datastream.time_domain import TimeDomain

from infra import retention
from infra.settings import Settings
from jobs.operators.guard import Guard
from jobs.operators.lane_clock import LaneClock
from jobs.operators.lane_dues import LaneDues
from jobs.operators.lane_models import LaneModels
from jobs.operators.lane_points import LanePoints
from jobs.operators.lane_state import BatchedState, DecodedCache, bytes_by_text
from jobs.operators.opening import opened_codec
from jobs.operators.wall_clock import now_ms
from jobs.sinks import Publisher, Record, in_rows
from models.due import DueQueue
from models.engine import Engine
from models.enrichment import check_outcome
from models.memory import LeadMemory
from models.pool import pool_from_bytes
from schemas.enriched import EnrichedEvent
from schemas.errors import PoisonRecordError
from schemas.example import MaturedExample
from schemas.ids import Millis, lead_key
from schemas.outcome import Outcome
from schemas.policy import DAY_MS, TenantPolicy
from schemas.topics import Topic, Value

STAGE = "score_leads.score_lane"
SOURCES = (Topic.EVENTS_ENRICHED, Topic.OUTCOMES_RECEIVED)
"""What a batch mixes, in the order of its records' origins."""


def check_record(record: Value, key: bytes) -> None:
    """Refuse what is no event or outcome of the key's lead."""
    if isinstance(record, Outcome):
        check_outcome(record, key, now=now_ms())
    elif not isinstance(record, EnrichedEvent):
        raise PoisonRecordError(f"a {type(record).__name__} where an EnrichedEvent or an Outcome belongs", reason="wrong_type")


class LaneMemories:
    """The engine's memories of the current lane, in Flink's state."""

    def __init__(self, runtime_context: RuntimeContext, *, cached_leads: int) -> None:
        self._lead_state = BatchedState(bytes_by_text(runtime_context, "leads"))
        self._leads: DecodedCache[LeadMemory] = DecodedCache(
            self._lead_state,
            lambda data: LeadMemory.empty() if data is None else LeadMemory.from_bytes(data),
            LeadMemory.to_bytes,
            limit=cached_leads,
        )
        self._points = LanePoints(bytes_by_text(runtime_context, "pages"), bytes_by_text(runtime_context, "points"), limit=cached_leads)
        self._moved = bytes_by_text(runtime_context, "moved")
        self._types = bytes_by_text(runtime_context, "types")
        self._types_of_lane: dict[int, set[str]] = {}
        self._known_types: set[str] = set()
        self.load, self.save, self.forget = self._leads.load, self._leads.save, self._leads.forget
        self.load_point, self.save_point, self.drop_point = self._points.load, self._points.save, self._points.drop

    def enter(self, lane: int, engine: Engine) -> None:
        """Make a lane the current one; the first time, learn the event types it has met."""
        known = self._types_of_lane.get(lane)
        if known is None:
            known = self._types_of_lane[lane] = set(self._types.keys())
            engine.know_types(known)
        self._known_types = known

    def moved_to(self, key: str) -> str | None:
        """The lead that a lead's id stands for."""
        to = self._moved.get(key)
        return None if to is None else bytes(to).decode()

    def save_moved(self, key: str, to: str) -> None:
        """Keep that the id stands for another lead. Dropped with the lead's memory."""
        self._moved.put(key, to.encode())

    def drop_moved(self, key: str) -> None:
        """The id stands for its own lead."""
        self._moved.remove(key)

    def flush(self) -> None:
        """Give Flink what was saved since the last flush."""
        self._lead_state.flush()
        self._points.flush()

    def save_type(self, event_type: str) -> None:
        """Keep an event type. Bounded by the tenants' vocabulary of types."""
        if event_type not in self._known_types:
            self._known_types.add(event_type)
            self._types.put(event_type, b"")


class ScoreLane(KeyedBroadcastProcessFunction):
    """Keyed by lane; the broadcast side are model snapshots."""

    def __init__(self, settings: Settings, policies: Mapping[str, TenantPolicy], pool: bytes | None = None) -> None:
        self._settings = settings
        self._policies = policies
        self._pool = pool

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open state, codec and engine."""
        settings = self._settings
        self._codec = opened_codec(settings)
        max_bytes = settings.kafka.max_record_bytes * 2
        self._guard = Guard(STAGE, self._codec, SOURCES, check=check_record, max_bytes=max_bytes, release=settings.release)
        self._engine = Engine(self._policies, retention_ms=retention.POLICY.lead_memory_days * DAY_MS)
        self._memories = LaneMemories(runtime_context, cached_leads=settings.flink.cached_leads)
        self._dues = LaneDues(bytes_by_text(runtime_context, "due"))
        self._clock = LaneClock()
        self._publisher = Publisher(settings.kafka)
        self._models = LaneModels(self._codec, self._policies, pool_from_bytes(self._pool))

    @in_rows
    def process_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Iterator[Record]:
        """Score the batch's events, pair its outcomes, and emit what has matured by the batch's own clock."""
        # every call of the context crosses into the JVM: as few as can be
        lane = ctx.get_current_key()
        queue = self._enter(lane)
        now = now_ms()
        decoded = self._guard.decode(value)
        processed = self._engine.process(decoded.values, self._memories, lambda tenant: self._models.of(tenant, ctx), now=now)
        queue.add(processed.due)
        examples = processed.examples + self._mature(queue, value[3])
        self._flush(lane)
        for tenant in {score.tenant for score in processed.scores}:
            self._models.tell_stale(tenant, value[3])
        for score in processed.scores:
            key = lead_key(score.tenant, score.lead).encode()
            yield self._publisher.record(Topic.SCORES_PUBLISHED, key, self._codec.encode(score), now)
        yield from self._examples(examples, now)
        for event in processed.events:
            key = lead_key(event.tenant, event.lead).encode()
            yield self._publisher.record(Topic.EVENTS_RECEIVED, key, self._codec.encode(event), event.occurred_at)
        for outcome in processed.outcomes:
            key = lead_key(outcome.tenant, outcome.lead).encode()
            yield self._publisher.record(Topic.OUTCOMES_RECEIVED, key, self._codec.encode(outcome), outcome.occurred_at)
        for letter in decoded.dead:
            yield self._publisher.record(Topic.RECORDS_DEAD, letter.key or b"", self._codec.encode(letter), now)
        self._clock.wind(lane, queue, ctx.timer_service())

    @in_rows
    def process_broadcast_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.Context) -> Iterator[Record]:
        """Score with this snapshot from now on, if it is newer than the tenant's."""
        try:
            self._models.take(bytes(value[1]), ctx)
        except PoisonRecordError as exc:
            letter = self._guard.dead_letter(bytes(value[0]), bytes(value[1]), 0, exc)._replace(topic=Topic.MODELS_PUBLISHED.value)
            now = now_ms()
            yield self._publisher.record(Topic.RECORDS_DEAD, letter.key or b"", self._codec.encode(letter), now)

    @in_rows
    def on_timer(self, timestamp: int, ctx: KeyedBroadcastProcessFunction.OnTimerContext) -> Iterator[Record]:
        """Emit what matured while the lane was silent."""
        if ctx.time_domain() == TimeDomain.EVENT_TIME:
            self._clock.settle(ctx.timer_service())
            return
        lane = ctx.get_current_key()
        queue = self._enter(lane)
        watermark = ctx.timer_service().current_watermark()
        examples = self._mature(queue, watermark)
        self._flush(lane)
        yield from self._examples(examples, Millis(timestamp))
        self._clock.wind(lane, queue, ctx.timer_service())

    def _enter(self, lane: int) -> DueQueue:
        self._memories.enter(lane, self._engine)
        return self._dues.of(lane)

    def _flush(self, lane: int) -> None:
        self._memories.flush()
        self._dues.flush(lane)

    def _mature(self, queue: DueQueue, clock: int) -> list[MaturedExample]:
        keys = queue.take(clock)
        if not keys:
            return []
        examples, due = self._engine.mature(keys, self._memories, now=clock)
        queue.add(due)
        return examples

    def _examples(self, examples: list[MaturedExample], now: Millis) -> Iterator[Record]:
        for example in examples:
            yield self._publisher.record(Topic.EXAMPLES_MATURED, example.tenant.encode(), self._codec.encode(example), now)
