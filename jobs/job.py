"""What every job is given: the environment, its settings, and where it reads and publishes."""

from collections.abc import Set
from dataclasses import dataclass, field

from pyflink.common import Configuration
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.table import StatementSet, StreamTableEnvironment

from infra.settings import FlinkConfig, Settings
from jobs.sinks import Sinks
from jobs.sources import Sources
from schemas.topics import Topic


@dataclass(frozen=True)
class Job:
    """One job under construction: `build(job)` adds its topology.

    Parameters
    ----------
    name, tables, statements, settings
        Of the job.
    companions
        Jobs of the same program that take what this one publishes from its hands.
    handed
        Topic → batches by lane (`jobs.lanes`), from jobs of the same program that were built before: not to be read from Kafka then.
    """

    name: str
    tables: StreamTableEnvironment
    statements: StatementSet
    settings: Settings
    companions: Set[str] = frozenset()
    handed: dict[Topic, DataStream] = field(default_factory=dict)

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
        # how long a record waits on its way into a window of 50 ms; the default of 100 ms would add 100 ms to every score, and with
        # less a thread of each task that reads a topic wakes more often than there are records
        "execution.buffer-timeout.interval": "10ms",
        "execution.checkpointing.interval": f"{flink.checkpoint_interval.total_seconds() * 1000:.0f}ms",
        "execution.checkpointing.min-pause": "1s",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "state.backend.type": _state_backend(flink, is_local=is_local),
        "execution.checkpointing.incremental": "true",
        # a checkpoint waits for RocksDB to write what changed, a file for each state of each operator. All of a process share the
        # threads that write, a quarter of this number, and each file waits for the disk
        "state.backend.rocksdb.thread.num": "16",
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
            # a timer or two for each lane: not worth two files more for each operator and checkpoint. Only here, where no state outlives the
            # run: checkpoints with timers in files are not read by jobs that keep them on the heap
            "state.backend.rocksdb.timer-service.factory": "HEAP",
            "taskmanager.memory.managed.size": "512m",  # RocksDB's share: less, and it flushes all the time
            "taskmanager.memory.network.min": "128m",
            "taskmanager.memory.network.max": "128m",
            # ten such buffers of batches wait at most for a busy operator: what waits in front of the window instead joins the next batch, so
            # batches grow with the load, and a large one costs less than the small ones that it is made of. With Flink's 32 KB they were
            # queued by the dozen
            "taskmanager.memory.segment-size": "4kb",
            "taskmanager.numberOfTaskSlots": str(flink.parallelism),
        }
    for name, value in options.items():
        config.set_string(name, value)
    env = StreamExecutionEnvironment.get_execution_environment(config)
    env.set_parallelism(flink.parallelism)
    env.set_max_parallelism(flink.max_parallelism)
    return env


def _state_backend(flink: FlinkConfig, *, is_local: bool) -> str:
    if flink.state_backend == "auto":
        return "hashmap" if is_local else "rocksdb"
    return flink.state_backend
