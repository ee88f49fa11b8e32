"""A lane's batch of events received → events enriched, each once, under the lead that their id stands for."""

from collections.abc import Iterator, Mapping
from typing import Any

from pyflink.common import Row
from pyflink.datastream import DataStream, OutputTag
from pyflink.datastream.functions import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.time_domain import TimeDomain

from infra import retention
from infra.settings import Settings
from jobs.lanes import LANE_BATCH
from jobs.operators import score_lane
from jobs.operators.guard import Guard
from jobs.operators.lane_clock import LaneClock
from jobs.operators.lane_dues import LaneDues
from jobs.operators.lane_state import BatchedState, DecodedCache, bytes_by_text
from jobs.operators.opening import opened_codec
from jobs.operators.wall_clock import now_ms
from jobs.sinks import Publisher, Record, in_rows, rows
from models.due import DueQueue
from models.enrichment import Acquaintance, check_event, enrich, is_move, is_repeat, profile_event, review
from models.enrichments import registry as enrichments
from models.identity.claims import claim_of, is_news
from models.identity.naming import VIA, Named, gone_on, named
from schemas.errors import PoisonRecordError
from schemas.event import OBSERVATION, Event
from schemas.ids import lead_key
from schemas.policy import DAY_MS, EnrichmentPolicy
from schemas.pseudonym import pseudonym_under
from schemas.topics import Topic, Value

STAGE = "enrich_events.enrich_lane"
SOURCES = (Topic.EVENTS_RECEIVED,)
HANDED_ORIGIN = score_lane.SOURCES.index(Topic.EVENTS_ENRICHED)
LONGER_DAYS = 30
"""Enrichment forgets a lead this much later than scoring does: a lead that returns is numbered from 1 again, and scoring must not remember
a higher number then, or it would take its events for repeats."""
DEFAULT = EnrichmentPolicy()


def check_record(record: Value, key: bytes) -> None:
    """Refuse what is no event of the key's lead."""
    if not isinstance(record, Event):
        raise PoisonRecordError(f"a {type(record).__name__} where an Event belongs", reason="wrong_type")
    check_event(record, key, now=now_ms())


def handed_over(enriched: DataStream) -> DataStream:
    """The batches that an operator which `hands_over` gives beside its records (`jobs.lanes.LANE_BATCH`)."""
    # PyFlink's own get_side_output puts a Python operator behind it that changes nothing
    side = enriched._j_data_stream.getSideOutput(_handed().get_java_output_tag())  # noqa: SLF001 - PyFlink has no public way
    return DataStream(side)


def _handed() -> OutputTag:
    return OutputTag("handed", LANE_BATCH)


class EnrichLane(KeyedProcessFunction):
    """Keyed by lane.

    Parameters
    ----------
    settings
        Of the deployment.
    policies
        Tenant → what is added to its events.
    hands_over
        Whether a batch's enriched events are also given as a batch, for `handed_over`.
    """

    def __init__(self, settings: Settings, policies: Mapping[str, EnrichmentPolicy], *, hands_over: bool = False) -> None:
        self._settings = settings
        self._policies = policies
        self._hands_over = hands_over

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open state and codec."""
        settings = self._settings
        self._codec = opened_codec(settings)
        max_bytes = settings.kafka.max_event_bytes
        self._guard = Guard(STAGE, self._codec, SOURCES, check=check_record, max_bytes=max_bytes, release=settings.release)
        self._written = BatchedState(bytes_by_text(runtime_context, "leads"))
        self._leads: DecodedCache[Acquaintance] = DecodedCache(
            self._written,
            lambda data: Acquaintance() if data is None else Acquaintance.from_bytes(data),
            Acquaintance.to_bytes,
            limit=settings.flink.cached_leads,
        )
        self._dues = LaneDues(bytes_by_text(runtime_context, "due"))
        self._clock = LaneClock()
        self._retention_ms = (retention.POLICY.lead_memory_days + LONGER_DAYS) * DAY_MS
        self._publisher = Publisher(settings.kafka)
        self._handed = _handed()
        self._pseudonym = pseudonym_under(settings.pseudonym_key.get_secret_value().encode())

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row | tuple[OutputTag, Row]]:
        """Enrich the batch's events, or pass them on to the lead that their id stands for; what means nothing becomes a dead letter."""
        lane = ctx.get_current_key()
        enriched, others = self._process(lane, value, ctx)
        if self._hands_over and enriched:
            _, keys, values, _ = zip(*enriched, strict=True)
            # first: whoever waits for the score waits for this, and for nothing else
            yield self._handed, Row(lane, Row(keys, values, (HANDED_ORIGIN,) * len(keys), value[3]))
        yield from rows(enriched + others)

    def _process(self, lane: int, value: Any, ctx: KeyedProcessFunction.Context) -> tuple[list[Record], list[Record]]:
        records: list[Record] = []
        others: list[Record] = []
        queue = self._dues.of(lane)
        decoded = self._guard.decode(value)
        touched: dict[str, Acquaintance] = {}
        due: dict[int, list[str]] = {}
        for event in decoded.values:
            for topic, record in self._take(event, touched, due):
                (records if topic is Topic.EVENTS_ENRICHED else others).append(record)
        for key, known in touched.items():
            self._leads.save(key, known)
        queue.add(due)
        others += [
            self._publisher.record(Topic.RECORDS_DEAD, letter.key or b"", self._codec.encode(letter), letter.failed_at) for letter in decoded.dead
        ]
        self._review(queue, value[3])
        self._written.flush()
        self._dues.flush(lane)
        self._clock.wind(lane, queue, ctx.timer_service())
        return records, others

    def _take(self, event: Event, touched: dict[str, Acquaintance], due: dict[int, list[str]]) -> Iterator[tuple[Topic, Record]]:
        is_new = VIA not in event.context  # else it was looked at under the id that it came by
        whose = named(event, self._pseudonym) if is_new else Named(event.lead)
        if whose.lead != event.lead:
            yield self._passed_on(event, whose.lead)
            return
        key = lead_key(event.tenant, event.lead)
        known = touched.get(key)
        if known is None:
            known = touched[key] = self._leads.load(key)
        if whose.seen is not None and is_news(known.met, whose.seen):
            claim = self._codec.encode(claim_of(event, whose.seen))
            yield Topic.IDENTITIES_CLAIMED, self._publisher.record(Topic.IDENTITIES_CLAIMED, event.tenant.encode(), claim, event.occurred_at)
        if known.to and not is_move(event):
            if not is_repeat(event, known):  # so that one which comes round in a circle, of moves that nobody made but a forger, ends
                yield self._passed_on(gone_on(event), known.to)
            return
        event = enrichments.apply(event, self._policies.get(event.tenant, DEFAULT))
        enriched = enrich(event._replace(channel=OBSERVATION) if whose.is_nobody else event, known, retention_ms=self._retention_ms)
        if enriched.due is not None:
            due.setdefault(enriched.due, []).append(key)
        if enriched.event is not None:
            value = self._codec.encode(enriched.event)
            yield Topic.EVENTS_ENRICHED, self._publisher.record(Topic.EVENTS_ENRICHED, key.encode(), value, enriched.event.occurred_at)
            if is_move(event) and enriched.event.texts["memory_from"]:
                profile = profile_event(enriched.event, known)
                if profile is not None and known.to:
                    yield self._received(profile)

    def _passed_on(self, event: Event, lead: str) -> tuple[Topic, Record]:
        # the words of its sender stay with the event as it came
        person = event.person and event.person._replace(original=None)
        return self._received(event._replace(lead=lead, person=person))

    def _received(self, event: Event) -> tuple[Topic, Record]:
        key = lead_key(event.tenant, event.lead).encode()
        return Topic.EVENTS_RECEIVED, self._publisher.record(Topic.EVENTS_RECEIVED, key, self._codec.encode(event), event.occurred_at)

    @in_rows
    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Record]:
        """Forget leads that were silent for too long, in a lane that is silent itself."""
        lane = ctx.get_current_key()
        queue = self._dues.of(lane)
        if ctx.time_domain() == TimeDomain.EVENT_TIME:  # else the lane only looks whether event time is known by now
            self._review(queue, timestamp)
            self._written.flush()
            self._dues.flush(lane)
        self._clock.wind(lane, queue, ctx.timer_service())
        return
        yield  # Flink iterates over what comes back

    def _review(self, queue: DueQueue, now: int) -> None:
        due: dict[int, list[str]] = {}
        for key in queue.take(now):
            known = self._leads.load(key)
            again_at = review(known, now=now, retention_ms=self._retention_ms)
            if again_at is None:
                self._leads.forget(key)
            else:
                self._leads.save(key, known)
                due.setdefault(again_at, []).append(key)
        queue.add(due)
