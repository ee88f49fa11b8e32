"""What every runner is told, and the engine it runs: the same codec, the same model, the same calls."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_values
from connectors.kafka.registry import Registry
from models.engine import Engine, VersionedModel
from models.learning.hazard_model import model_from_bytes
from models.memory import LeadMemory
from schemas.codec import Codec
from schemas.ids import Millis
from schemas.model_snapshot import ModelSnapshot
from schemas.topics import Topic

KAFKA, OUTPUT, STATE = "BENCH_KAFKA", "BENCH_OUTPUT", "BENCH_STATE"
"""Variables: the Kafka configuration as JSON, the output topic's full name, a folder for state."""


class Task(NamedTuple):
    """Where to read, where to write, where to keep state."""

    kafka: KafkaConfig
    output: str
    state: Path

    @classmethod
    def from_environment(cls) -> Self:
        """The task of this process."""
        return cls(KafkaConfig.model_validate_json(os.environ[KAFKA]), os.environ[OUTPUT], Path(os.environ[STATE]))

    def environment(self) -> dict[str, str]:
        """The variables that say so."""
        return {KAFKA: self.kafka.model_dump_json(), OUTPUT: self.output, STATE: str(self.state)}

    @property
    def source(self) -> str:
        """Full name of the topic to read."""
        return topic_name(self.kafka, Topic.EVENTS_ENRICHED)

    def engine(self) -> "ReadyEngine":
        """The engine with the models that are published."""
        codec = Registry(self.kafka).codec()
        models = {
            snapshot.tenant: VersionedModel(snapshot.version, model_from_bytes(snapshot.payload))
            for snapshot in read_values(self.kafka, codec, Topic.MODELS_PUBLISHED)
            if isinstance(snapshot, ModelSnapshot)
        }
        return ReadyEngine(Engine({}), codec, models.get)


class ReadyEngine(NamedTuple):
    """An engine, the codec of its records, and its models by tenant."""

    engine: Engine
    codec: Codec
    model_of: Callable[[str], VersionedModel | None]


class OneLead:
    """The engine's memories where a framework's state holds one lead: its memory, decoded, and its kept points."""

    def __init__(self, memory: LeadMemory | None = None, points: dict[int, bytes] | None = None) -> None:
        self.memory = memory or LeadMemory.empty()
        self.points = points or {}

    def load(self, _key: str) -> LeadMemory:
        """The lead's memory."""
        return self.memory

    def save(self, _key: str, memory: LeadMemory) -> None:
        """Keep the memory."""
        self.memory = memory

    def forget(self, _key: str) -> None:
        """Begin anew."""
        self.memory = LeadMemory.empty()

    def load_point(self, _key: str, sequence: int) -> bytes:
        """A kept point."""
        return self.points[sequence]

    def save_point(self, _key: str, sequence: int, point: bytes) -> None:
        """Keep a point."""
        self.points[sequence] = point

    def drop_point(self, _key: str, sequence: int) -> None:
        """Drop a point."""
        self.points.pop(sequence, None)

    def save_type(self, event_type: str) -> None:
        """Names of types serve people after a restart; the comparison does without."""


def now_ms() -> Millis:
    """Milliseconds since 1970."""
    return Millis(time.time_ns() // 1_000_000)
