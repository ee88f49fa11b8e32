"""The servers of one run directory, started together and stopped by pid."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from connectors.cassandra.config import CassandraConfig
from connectors.kafka.config import KafkaConfig
from infra import retention
from infra.stack import cassandra, deploy, jars, kafka, registry, signals
from infra.stack.addresses import Addresses
from infra.stack.jars import Part
from infra.stack.progress import Reporter, Silent
from infra.stack.service import Service

SERVERS = (Part.KAFKA, Part.REGISTRY, Part.CASSANDRA)
DATA_BYTES = 2_000_000_000
"""Free space that servers are started with: Cassandra refuses writes on a full disk, Kafka stops."""

_SPECS = {Part.KAFKA: kafka.spec, Part.REGISTRY: registry.spec, Part.CASSANDRA: cassandra.spec}


class Stack:
    """Kafka, the registry and Cassandra on loopback.

    As a context manager it stops, on leaving, what was started through it; servers that already ran stay.

    Parameters
    ----------
    run_dir
        Where their addresses, data, logs and pids are. The same directory gives the same servers, in any process.
    reporter
        Is told what goes on.
    """

    def __init__(self, run_dir: Path, reporter: Reporter | None = None) -> None:
        self.run_dir = run_dir.resolve()
        self.addresses = Addresses.of(self.run_dir)
        self.services = {name: Service(_SPECS[name](self.addresses, self.run_dir), self.run_dir) for name in SERVERS}
        self._reporter = reporter or Silent()
        self._started: list[Part] = []

    @property
    def kafka(self) -> KafkaConfig:
        """Where Kafka and the registry are."""
        return self.addresses.kafka_config()

    @property
    def cassandra(self) -> CassandraConfig:
        """Where Cassandra is."""
        return self.addresses.cassandra_config()

    def start(self, *names: Part) -> None:
        """Start these servers, or all, at once, and return when each has answered a request. Those that run are left alone.

        What was started is stopped again when one fails or the wait is interrupted.

        Raises
        ------
        ConfigError
            The JDK, Maven, a download, the disk or a port: the message says what to do.
        FatalError
            A server did not start.
        """
        wanted = names or SERVERS
        jars.require_space(self.run_dir, DATA_BYTES)
        self._fetch(wanted)
        with self.stopped_on_failure():
            self._start_together(wanted)

    def _fetch(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if not jars.is_fetched(part):
                with self._reporter.fetching(part.value, jars.SIZES[part]) as on_bytes:
                    jars.fetch(part, on_bytes)

    @contextmanager
    def stopped_on_failure(self) -> Iterator[None]:
        """Within, an error or an interruption stops what was started within."""
        before = list(self._started)
        try:
            yield
        except BaseException:
            new = [name for name in self._started if name not in before]
            if new:
                self.stop(*new)
            raise

    def up(self) -> None:
        """Start all servers and create topics, schemas and tables; again, it changes nothing.

        Raises
        ------
        ProxError
            As `start`; also when a schema is incompatible or a migration was edited after it was applied.
        """
        self._fetch(list(Part))  # jobs need Flink's jars too
        self.addresses.write(self.run_dir)
        with self.stopped_on_failure():
            self.start()
            with self._reporter.starting("topics, schemas, tables"):
                # a topic's age is event time: a data set of years ago must not expire while it is read
                policy = retention.POLICY.for_replays()
                deploy.deploy_topics(self.kafka, policy)
                deploy.deploy_schemas(self.kafka)
                deploy.deploy_tables(self.cassandra, policy)

    def _start_together(self, names: Sequence[Part]) -> None:
        cancelled = threading.Event()
        with ThreadPoolExecutor(len(names), thread_name_prefix="stack") as pool:
            starts = [pool.submit(self._start_one, name, cancelled) for name in names]
            try:
                for done in wait(starts, return_when=FIRST_EXCEPTION).done:
                    done.result()
            except BaseException:
                cancelled.set()
                raise

    def _start_one(self, name: Part, cancelled: threading.Event) -> None:
        service = self.services[name]
        if not service.is_running:
            self._started.append(name)  # before it runs: an interruption must find it
        with self._reporter.starting(name.value):
            service.start(cancelled)

    def stop(self, *names: Part) -> None:
        """Stop these servers, or all, whoever started them. A second Ctrl-C does not leave one behind."""
        wanted = names or SERVERS
        with signals.ignored(), ThreadPoolExecutor(max(1, len(wanted))) as pool:
            list(pool.map(self._stop_one, wanted))

    def _stop_one(self, name: Part) -> None:
        self.services[name].stop()
        if name in self._started:
            self._started.remove(name)

    def stop_started(self) -> None:
        """Stop what was started through this object."""
        if self._started:
            self.stop(*self._started)

    def restart(self, name: Part) -> None:
        """Stop a server and start it again: the same ports, the same data."""
        self.stop(name)
        self.start(name)

    def kill(self, name: Part) -> None:
        """End a server as `kill -9` does; `start` brings it back with the same ports and data."""
        self.services[name].kill()

    @contextmanager
    def without(self, name: Part) -> Iterator[None]:
        """A while without this server: stopped on entry, back on leaving."""
        self.stop(name)
        try:
            yield
        finally:
            self.start(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop_started()
