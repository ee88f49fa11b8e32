"""A batch of matured examples and choices → model snapshots and metrics, tenant by tenant."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import structlog
from pyflink.datastream.functions import KeyedProcessFunction, RuntimeContext

from infra.settings import Settings
from jobs.operators.guard import Guard
from jobs.operators.lane_state import StateStore, bytes_by_text
from jobs.operators.opening import opened_codec
from jobs.operators.students import Students
from jobs.operators.wall_clock import now_ms
from jobs.sinks import Publisher, Record, in_rows
from models.drift import Drift
from models.features.vector import vector_from_bytes
from models.pool import pool_from_bytes
from models.progress import Progress
from models.student import Student
from schemas.champion_choice import ChampionChoice
from schemas.errors import PoisonRecordError
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy
from schemas.topics import Topic, Value

STAGE = "learn_models.learn_tenant"
SOURCES = (Topic.EXAMPLES_MATURED, Topic.CHAMPIONS_CHOSEN)
"""What a batch mixes, in the order of its records' origins."""
PUBLISH_EVERY_MS = 500
"""A tenant's snapshots are at least this far apart: a score learns of an outcome within a second, and a busy tenant makes two versions a
second, not twenty."""
SHADOWS_EVERY_MS = 5_000
"""Challengers' snapshots are further apart: nobody waits for what they say, and a tenant with three of them would publish eight a second."""


def check_record(record: Value, key: bytes) -> None:
    """Refuse what is no example or choice of the key's tenant, or has no vector."""
    if not isinstance(record, MaturedExample | ChampionChoice):
        raise PoisonRecordError(f"a {type(record).__name__} where a MaturedExample or a ChampionChoice belongs", reason="wrong_type")
    if key != record.tenant.encode():
        raise PoisonRecordError("the record's key is not its tenant")
    if isinstance(record, MaturedExample):
        vector_from_bytes(record.features)


class LearnTenant(KeyedProcessFunction):
    """Keyed by the lane of the tenant."""

    def __init__(self, settings: Settings, policies: Mapping[str, TenantPolicy], pool: bytes | None = None) -> None:
        self._settings = settings
        self._policies = policies
        self._pool = pool

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open state and codec."""
        settings = self._settings
        self._codec = opened_codec(settings)
        max_bytes = settings.kafka.max_record_bytes * 2
        self._guard = Guard(STAGE, self._codec, SOURCES, check=check_record, max_bytes=max_bytes, release=settings.release)
        students, lessons = bytes_by_text(runtime_context, "students"), bytes_by_text(runtime_context, "lessons")
        self._students = Students(students, lessons, self._codec, self._policies, pool_from_bytes(self._pool))
        # one for each lead of the last year or two
        self._progress_store = StateStore(bytes_by_text(runtime_context, "progress"), limit=settings.flink.cached_leads)
        self._progress = Progress(self._progress_store)
        self._published_at: dict[str, int] = {}
        self._shadowed_at: dict[str, int] = {}
        self._unpublished: dict[int, set[str]] = {}
        self._publisher = Publisher(settings.kafka)

    @in_rows
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Record]:
        """Learn what is new in the batch; publish now, or soon when the tenant's last snapshot is very fresh."""
        decoded = self._guard.decode(value)
        by_tenant: dict[str, list[MaturedExample]] = {}
        for one in decoded.values:
            if isinstance(one, MaturedExample):
                by_tenant.setdefault(one.tenant, []).append(one)
        for tenant, examples in by_tenant.items():
            new = self._progress.unlearned(examples)
            if not new:
                continue
            student = self._students.of(tenant)
            learned = self._students.teach(student, new)
            yield from self._tell_drifts(student, learned.drifts)
            if learned.is_changed:
                yield from self._follow(student)
            else:
                yield from self._publish_or_wait(student, ctx)
        self._progress_store.flush()
        for one in decoded.values:
            if isinstance(one, ChampionChoice):
                yield from self._choose(one)
        for letter in decoded.dead:
            yield self._publisher.record(Topic.RECORDS_DEAD, letter.key or b"", self._codec.encode(letter), letter.failed_at)

    @in_rows
    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Record]:  # noqa: ARG002 - Flink's signature
        """Publish what was learned since the last snapshot."""
        lane = ctx.get_current_key()
        for tenant in self._students.tenants() if lane not in self._unpublished else self._unpublished[lane]:
            yield from self._publish(self._students.of(tenant))
        self._unpublished[lane] = set()

    def _choose(self, choice: ChampionChoice) -> Iterator[Record]:
        student = self._students.of(choice.tenant)
        try:
            is_changed = self._students.choose(student, choice)
        except PoisonRecordError as exc:
            letter = self._guard.dead_letter(choice.tenant.encode(), self._codec.encode(choice), SOURCES.index(Topic.CHAMPIONS_CHOSEN), exc)
            yield self._publisher.record(Topic.RECORDS_DEAD, letter.key or b"", self._codec.encode(letter), letter.failed_at)
        else:
            if is_changed:
                yield from self._follow(student)

    def _follow(self, student: Student) -> Iterator[Record]:
        """Say at once that scores are to follow another learner; the one that they followed is a challenger from now on."""
        change = student.standing.changes[-1]
        structlog.get_logger().warning(
            "champion.changed", job="learn_models", tenant_id=student.tenant, model_version=student.version, reason=f"{change.model}, by {change.by}"
        )
        self._shadowed_at.pop(student.tenant, None)
        yield from self._publish(student)

    def _tell_drifts(self, student: Student, drifts: Sequence[Drift]) -> Iterator[Record]:
        for drift in drifts:
            if drift.is_worse:
                structlog.get_logger().warning(
                    "drift.detected",
                    job="learn_models",
                    tenant_id=student.tenant,
                    model_version=student.version,
                    reason=f"mean squared error by lead {drift.before:.3f}, now {drift.after:.3f}",
                )
            metric = student.drift_metric(drift)
            yield self._publisher.record(Topic.METRICS_PUBLISHED, student.tenant.encode(), self._codec.encode(metric), now_ms())

    def _publish_or_wait(self, student: Student, ctx: KeyedProcessFunction.Context) -> Iterator[Record]:
        waiting = self._unpublished.setdefault(ctx.get_current_key(), set())
        since = now_ms() - self._published_at.get(student.tenant, 0)
        if since >= PUBLISH_EVERY_MS:
            waiting.discard(student.tenant)
            yield from self._publish(student)
        elif student.tenant not in waiting:
            waiting.add(student.tenant)
            ctx.timer_service().register_processing_time_timer(now_ms() + PUBLISH_EVERY_MS - since)

    def _publish(self, student: Student) -> Iterator[Record]:
        now = now_ms()
        self._published_at[student.tenant] = now
        snapshots = [student.snapshot(now=now)]
        if student.duels and now - self._shadowed_at.get(student.tenant, 0) >= SHADOWS_EVERY_MS:
            self._shadowed_at[student.tenant] = now
            snapshots += student.shadows(now=now)
        for snapshot in snapshots:
            yield self._publisher.record(Topic.MODELS_PUBLISHED, snapshot.key.encode(), self._codec.encode(snapshot), now)
        for metric in student.metrics():
            yield self._publisher.record(Topic.METRICS_PUBLISHED, student.tenant.encode(), self._codec.encode(metric), now)
