"""Quix Streams: state by message key in RocksDB with a changelog topic, the lead's bytes read and written on every event."""

from quixstreams import Application, State

from models.memory import LeadMemory
from schemas.enriched import EnrichedEvent
from tests.bench.runners.task import OneLead, Task, now_ms

MEMORY = "memory"


class StatePoints(dict[int, bytes]):
    """Kept points of one lead, each under a key of its own in the framework's state."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def __getitem__(self, sequence: int) -> bytes:
        kept = self._state.get_bytes(str(sequence))
        if kept is None:
            raise KeyError(sequence)
        return bytes(kept)

    def __setitem__(self, sequence: int, point: bytes) -> None:
        self._state.set_bytes(str(sequence), point)

    def pop(self, sequence: int, default: bytes | None = None) -> bytes | None:  # type: ignore[override]
        """Drop a point."""
        self._state.delete(str(sequence))
        return default


def run(task: Task) -> None:
    """Score everything that comes, until a signal ends it."""
    engine, codec, model_of = task.engine()

    def score(value: bytes, state: State) -> bytes:
        stored = state.get_bytes(MEMORY)
        memories = OneLead(None if stored is None else LeadMemory.from_bytes(bytes(stored)))
        memories.points = StatePoints(state)
        processed = engine.process([codec.decode_as(EnrichedEvent, value)], memories, model_of, now=now_ms())
        state.set_bytes(MEMORY, memories.memory.to_bytes())
        return codec.encode(processed.scores[0])

    app = Application(
        broker_address=task.kafka.bootstrap_servers,
        consumer_group=f"bench.{task.state.name}",
        auto_offset_reset="earliest",
        state_dir=task.state,
        producer_extra_config={"linger.ms": 5, "compression.type": "lz4"},
    )
    source = app.topic(task.source, value_deserializer="bytes")
    output = app.topic(task.output, value_serializer="bytes")
    app.dataframe(source).apply(score, stateful=True).to_topic(output)
    app.run()


if __name__ == "__main__":
    run(Task.from_environment())
