"""Bytewax: a stream keyed by lead, each lead's memory decoded in its logic, its bytes snapshot to SQLite every ten seconds."""

import shutil
from datetime import timedelta

import bytewax.operators as op
from bytewax._bytewax import cli_main
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir

from models.memory import LeadMemory
from schemas.enriched import EnrichedEvent
from schemas.score import LeadScore
from tests.bench.runners.task import OneLead, ReadyEngine, Task, now_ms

SNAPSHOT_EVERY = timedelta(seconds=10)

State = tuple[bytes, dict[int, bytes]]


class ScoreLead(StatefulBatchLogic[EnrichedEvent, LeadScore, State]):
    """One lead."""

    def __init__(self, ready: ReadyEngine, state: State | None) -> None:
        self._ready = ready
        self._memories = OneLead() if state is None else OneLead(LeadMemory.from_bytes(state[0]), dict(state[1]))

    def on_batch(self, values: list[EnrichedEvent]) -> tuple[list[LeadScore], bool]:
        """Score what came of this lead; the logic stays."""
        processed = self._ready.engine.process(values, self._memories, self._ready.model_of, now=now_ms())
        return processed.scores, False

    def snapshot(self) -> State:
        """The engine's own bytes."""
        return self._memories.memory.to_bytes(), dict(self._memories.points)


def flow(task: Task) -> Dataflow:
    """Kafka to Kafka."""
    ready = task.engine()
    brokers = [task.kafka.bootstrap_servers]

    def keyed(message: KafkaSourceMessage[bytes, bytes]) -> tuple[str, EnrichedEvent]:
        return message.key.decode(), ready.codec.decode_as(EnrichedEvent, message.value)

    def published(item: tuple[str, LeadScore]) -> KafkaSinkMessage[bytes, bytes]:
        return KafkaSinkMessage(item[0].encode(), ready.codec.encode(item[1]))

    graph = Dataflow("bench")
    records = op.input("read", graph, KafkaSource(brokers, [task.source]))
    events = op.map("decode", records, keyed)
    scores = op.stateful_batch("score", events, lambda state: ScoreLead(ready, state))
    op.output("write", op.map("encode", scores, published), KafkaSink(brokers, task.output, add_config={"compression.type": "lz4"}))
    return graph


def run(task: Task) -> None:
    """Score everything that comes, until a signal ends it."""
    shutil.rmtree(task.state, ignore_errors=True)
    task.state.mkdir(parents=True)
    init_db_dir(task.state, 1)
    cli_main(flow(task), epoch_interval=SNAPSHOT_EVERY, recovery_config=RecoveryConfig(task.state, timedelta(0)))


if __name__ == "__main__":
    run(Task.from_environment())
