"""Flink as far as an operator sees it: state of lanes, timers, contexts; and a harness that calls an operator as Flink does."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pyflink.datastream.time_domain import TimeDomain

from connectors.kafka.config import KafkaConfig
from connectors.kafka.registry import Registry
from connectors.kafka.schema_files import SchemaFiles
from infra.settings import Settings
from schemas.codec import Codec, Schema
from schemas.errors import PoisonRecordError
from schemas.ids import lead_key
from schemas.topics import Topic, Value
from tests.builders import IDS

NOWHERE = "http://127.0.0.1:9/apis/ccompat/v7"
"""A registry that is away: operators start from what is on disk."""


def unknown(schema_id: int) -> Schema:
    raise PoisonRecordError(f"no schema has the id {schema_id}", reason="unknown_schema")


CODEC = Codec(IDS, unknown)


def offline_settings(run_dir: Path, **fields: Any) -> Settings:
    """Settings whose schemas were met before, as after a first start."""
    kafka = KafkaConfig(registry_url=NOWHERE)
    registry = Registry(kafka)
    SchemaFiles(run_dir / "schemas", NOWHERE).keep_ids({topic: registry.subject(topic) for topic in Topic}, IDS)
    return Settings(kafka=kafka, run_dir=run_dir, **fields)


class Backend:
    """What a checkpoint would hold: state by name and lane, timers by lane; and the lane being processed."""

    def __init__(self) -> None:
        self.states: dict[str, dict[int, dict[str, bytes]]] = {}
        self.broadcast: dict[str, bytes] = {}
        self.timers: set[tuple[TimeDomain, int, int]] = set()
        self.lane = 0
        self.watermark = -(2**63)
        self.processing_time = 0

    def entries(self, name: str) -> dict[str, bytes]:
        """A map state of the current lane."""
        return self.states.setdefault(name, {}).setdefault(self.lane, {})

    @property
    def size(self) -> int:
        """Entries of all states and lanes."""
        return sum(len(entries) for lanes in self.states.values() for entries in lanes.values())


class FakeMapState:
    """A map state: of the current lane, whichever that is when it is called."""

    def __init__(self, entries: Callable[[], dict[str, bytes]]) -> None:
        self._entries = entries

    def get(self, key: str) -> bytes | None:
        return self._entries().get(key)

    def put(self, key: str, value: bytes) -> None:
        assert isinstance(value, bytes)
        self._entries()[key] = value

    def put_all(self, entries: dict[str, bytes]) -> None:
        for key, value in entries.items():
            self.put(key, value)

    def remove(self, key: str) -> None:
        self._entries().pop(key, None)

    def keys(self) -> Iterable[str]:
        return iter(self._entries())


class FakeRuntimeContext:
    """Gives map states."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def get_map_state(self, descriptor: Any) -> FakeMapState:
        name = descriptor.name
        return FakeMapState(lambda: self._backend.entries(name))


class FakeContext:
    """Context, timer service and timer context in one."""

    def __init__(self, backend: Backend, domain: TimeDomain = TimeDomain.EVENT_TIME) -> None:
        self._backend = backend
        self._domain = domain

    def get_current_key(self) -> int:
        return self._backend.lane

    def timer_service(self) -> "FakeContext":
        return self

    def time_domain(self) -> TimeDomain:
        return self._domain

    def get_broadcast_state(self, _: Any) -> FakeMapState:
        return FakeMapState(lambda: self._backend.broadcast)

    def current_watermark(self) -> int:
        return self._backend.watermark

    def current_processing_time(self) -> int:
        return self._backend.processing_time

    def register_event_time_timer(self, at: int) -> None:
        self._backend.timers.add((TimeDomain.EVENT_TIME, self._backend.lane, at))

    def register_processing_time_timer(self, at: int) -> None:
        self._backend.timers.add((TimeDomain.PROCESSING_TIME, self._backend.lane, at))


class Published(NamedTuple):
    """A record that an operator yielded, decoded."""

    topic: str
    key: bytes
    value: Value
    at: int


class Record(NamedTuple):
    """A record as the JVM hands it over."""

    key: bytes
    value: bytes
    origin: int = 0


def a_record(value: Value, origin: int = 0) -> Record:
    """A value's record, under its own key."""
    tenant, lead = value.tenant, getattr(value, "lead", None)
    return Record((lead_key(tenant, lead) if lead is not None else tenant).encode(), CODEC.encode(value), origin)


class Harness:
    """One subtask of an operator, called by hand.

    Parameters
    ----------
    operator
        Makes the operator; called again for each restart. What it hands over beside its records is in `handed`.
    """

    def __init__(self, operator: Callable[[], Any]) -> None:
        self._make = operator
        self.backend = Backend()
        self.handed: list[Any] = []
        self.restart()

    def restart(self) -> None:
        """A new operator on the same state, as after a failure right at a checkpoint."""
        self.operator = self._make()
        self.operator.open(FakeRuntimeContext(self.backend))

    def take(self, records: Sequence[Record], *, lane: int = 0, clock: int = 0) -> list[Published]:
        """One batch."""
        self.backend.lane = lane
        keys, values, origins = ([record[i] for record in records] for i in range(3))
        return self._decoded(self.operator.process_element((keys, values, origins, clock), FakeContext(self.backend)))

    def hear(self, key: bytes, value: bytes) -> list[Published]:
        """One record of the broadcast side."""
        return self._decoded(self.operator.process_broadcast_element((key, value), FakeContext(self.backend)))

    def advance(self, watermark: int) -> list[Published]:
        """Event time comes so far, and its timers fire."""
        self.backend.watermark = watermark
        return self._fire(TimeDomain.EVENT_TIME, watermark)

    def wait(self) -> list[Published]:
        """Every processing-time timer that is set fires, when its time has come."""
        timers = [at for domain, _, at in self.backend.timers if domain is TimeDomain.PROCESSING_TIME]
        self.backend.processing_time = max([self.backend.processing_time, *timers])
        return self._fire(TimeDomain.PROCESSING_TIME, self.backend.processing_time)

    def _fire(self, domain: TimeDomain, until: int) -> list[Published]:
        published = []
        for timer in sorted((t for t in self.backend.timers if t[0] is domain and t[2] <= until), key=lambda t: t[1:]):
            self.backend.timers.remove(timer)
            self.backend.lane = timer[1]
            published += self._decoded(self.operator.on_timer(timer[2], FakeContext(self.backend, domain)))
        return published

    def _decoded(self, rows: Iterable[Any] | None) -> list[Published]:
        published = []
        for row in rows or ():
            if isinstance(row, tuple):  # as Flink tells the output of a side from rows
                self.handed.append(row[1])
            else:
                published.append(row)
        records = [record for row in published for record in zip(*row, strict=True)]
        return [Published(topic, bytes(key), CODEC.decode(bytes(value)), at) for topic, key, value, at in records]


def of(topic: Topic, published: Sequence[Published]) -> list[Any]:
    """The values published to a topic."""
    return [one.value for one in published if one.topic == topic.value]
