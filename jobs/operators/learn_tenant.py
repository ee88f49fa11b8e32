"""A batch of matured examples → model snapshots and metrics, tenant by tenant."""

from collections.abc import Iterator, Mapping
from typing import Any

from pyflink.datastream.functions import KeyedProcessFunction, RuntimeContext

from infra.settings import Settings
from jobs.operators.guard import Guard
from jobs.operators.lane_state import StateStore, bytes_by_text
from jobs.operators.opening import opened_codec
from jobs.operators.students import Students
from jobs.operators.wall_clock import now_ms
from jobs.sinks import Publisher, Record, in_rows
from models.features.vector import vector_from_bytes
from models.progress import Progress
from models.student import Student
from schemas.errors import PoisonRecordError
from schemas.example import MaturedExample
from schemas.ids import lead_key
from schemas.policy import TenantPolicy
from schemas.topics import Topic, Value

STAGE = "learn_models.learn_tenant"
SOURCES = (Topic.EXAMPLES_MATURED,)
PUBLISH_EVERY_MS = 500
"""A tenant's snapshots are at least this far apart: a score learns of an outcome within a second, and a busy tenant makes two versions a
second, not twenty."""


def check_record(record: Value, key: bytes) -> None:
    """Refuse what is no example of the key's tenant, or has no vector."""
    if not isinstance(record, MaturedExample):
        raise PoisonRecordError(f"a {type(record).__name__} where a MaturedExample belongs", reason="wrong_type")
    if key != record.tenant.encode():
        raise PoisonRecordError("the record's key is not its tenant")
    vector_from_bytes(record.features)


class LearnTenant(KeyedProcessFunction):
    """Keyed by the lane of the tenant."""

    def __init__(self, settings: Settings, policies: Mapping[str, TenantPolicy]) -> None:
        self._settings = settings
        self._policies = policies

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open state and codec."""
        settings = self._settings
        self._codec = opened_codec(settings)
        max_bytes = settings.kafka.max_record_bytes * 2
        self._guard = Guard(STAGE, self._codec, SOURCES, check=check_record, max_bytes=max_bytes, release=settings.release)
        students, lessons = bytes_by_text(runtime_context, "students"), bytes_by_text(runtime_context, "lessons")
        self._students = Students(students, lessons, self._codec, self._policies)
        self._progress = Progress(StateStore(bytes_by_text(runtime_context, "progress")))  # one for each lead of the last year or two
        self._published_at: dict[str, int] = {}
        self._unpublished: dict[int, set[str]] = {}
        self._publisher = Publisher(settings.kafka)

    @in_rows
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Record]:
        """Learn what is new in the batch; publish now, or soon when the tenant's last snapshot is very fresh."""
        decoded = self._guard.decode(value)
        by_tenant: dict[str, list[MaturedExample]] = {}
        for example in decoded.values:
            by_tenant.setdefault(example.tenant, []).append(example)
        for tenant, examples in by_tenant.items():
            new = self._progress.unlearned(examples)
            if not new:
                continue
            student = self._students.of(tenant)
            self._students.teach(student, new)
            yield from self._publish_or_wait(student, ctx)
        for letter in decoded.dead:
            yield self._publisher.record(Topic.RECORDS_DEAD, letter.key or b"", self._codec.encode(letter), letter.failed_at)

    @in_rows
    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Record]:  # noqa: ARG002 - Flink's signature
        """Publish what was learned since the last snapshot."""
        lane = ctx.get_current_key()
        for tenant in self._students.tenants() if lane not in self._unpublished else self._unpublished[lane]:
            yield from self._publish(self._students.of(tenant))
        self._unpublished[lane] = set()

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
        snapshot = student.snapshot(now=now)
        key = lead_key(student.tenant, str(snapshot.version)).encode()
        yield self._publisher.record(Topic.MODELS_PUBLISHED, key, self._codec.encode(snapshot), now)
        for metric in student.metrics():
            yield self._publisher.record(Topic.METRICS_PUBLISHED, student.tenant.encode(), self._codec.encode(metric), now)
