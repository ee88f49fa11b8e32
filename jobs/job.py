"""What every job is given: the environment, its settings, and where it reads and publishes."""

from dataclasses import dataclass

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import StatementSet, StreamTableEnvironment

from infra.settings import FlinkConfig, Settings
from jobs.sinks import Sinks
from jobs.sources import Sources


@dataclass(frozen=True)
class Job:
    """One job under construction: `build(job)` adds its topology."""

    name: str
    tables: StreamTableEnvironment
    statements: StatementSet
    settings: Settings

    @property
    def sources(self) -> Sources:
        """Topics as tables."""
        return Sources(self.tables, self.settings.kafka, job=self.name, idle_timeout=self.settings.flink.idle_timeout)

    @property
    def sinks(self) -> Sinks:
        """Where to publish."""
        return Sinks(self.tables, self.statements, self.settings.kafka, job=self.name)


def environment(flink: FlinkConfig, *, is_local: bool) -> StreamExecutionEnvironment:
    """An environment with all that must be the same wherever a job runs."""
    config = Configuration()
    options = {
        # read when an operator is declared, and state does not move between modes: chosen once
        "python.execution-mode": "thread",
        # the default of 100 ms would add 100 ms to every score
        "execution.buffer-timeout.interval": "5ms",
        "execution.checkpointing.interval": f"{flink.checkpoint_interval.total_seconds() * 1000:.0f}ms",
        "execution.checkpointing.min-pause": "1s",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1s",
        "restart-strategy.exponential-delay.max-backoff": "30s",
        "table.exec.source.idle-timeout": "0",
        "pipeline.object-reuse": "true",
    }
    if flink.checkpoint_dir:
        options["execution.checkpointing.dir"] = flink.checkpoint_dir
    if is_local:
        options |= {
            "pipeline.jars": flink.jars,
            "rest.port": "0",
            "taskmanager.memory.managed.size": "512m",  # RocksDB's share: less, and it flushes all the time
            "taskmanager.memory.network.min": "128m",
            "taskmanager.memory.network.max": "128m",
            "taskmanager.numberOfTaskSlots": str(flink.parallelism),
        }
    for name, value in options.items():
        config.set_string(name, value)
    env = StreamExecutionEnvironment.get_execution_environment(config)
    env.set_parallelism(flink.parallelism)
    env.set_max_parallelism(flink.max_parallelism)
    return env
