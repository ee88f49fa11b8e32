"""All of ProX on one stack: topics, tables, every job, the API."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from connectors.cassandra.config import CassandraConfig
from connectors.kafka.config import KafkaConfig
from infra import retention
from infra.stack import Stack, deploy, ports, process
from schemas.errors import FatalError
from tests.bench import running
from tests.bench.venvs import ROOT

NAME = "latency"
API_READY_WITHIN_S = 120.0
POLL_S = 0.2


class System:
    """The jobs in two processes and the API, as `make demo` runs them. As a context manager it stops them on leaving."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.kafka: KafkaConfig = stack.kafka.model_copy(update={"topic_prefix": f"{NAME}."})
        self.cassandra: CassandraConfig = stack.cassandra.model_copy(update={"keyspace": f"bench_{NAME}"})
        self._port = ports.free_port()
        self._running: dict[str, process.Identity] = {}

    def prepare(self) -> None:
        """Make topics, schemas and tables."""
        policy = retention.POLICY.for_replays()
        deploy.deploy_topics(self.kafka, policy)
        deploy.deploy_schemas(self.kafka)
        deploy.deploy_tables(self.cassandra, policy)

    def start(self) -> None:
        """Start the jobs and the API; returns when the API is ready, the jobs may not be yet."""
        for module, *args in (("jobs", "all", "--local"), ("api",)):
            command = [sys.executable, "-m", module, *args]
            self._running[module] = process.spawn(command, log=self._log(module), env=self._environment(), cwd=ROOT)
        due = time.monotonic() + API_READY_WITHIN_S
        while not self._is_ready():
            self.check()
            if time.monotonic() > due:
                raise FatalError(f"the API is not ready after {API_READY_WITHIN_S:.0f} s: see {self._log('api')}")
            time.sleep(POLL_S)

    def check(self) -> None:
        """Refuse to wait for a program that has ended.

        Raises
        ------
        FatalError
            Which one, and the end of its log.
        """
        for module, identity in self._running.items():
            running.require_running(identity, self._log(module))

    def _environment(self) -> Mapping[str, str]:
        run_dir = self._stack.run_dir
        return {
            **running.jvm_environment(run_dir),
            **self._stack.addresses.environment(run_dir),
            "PROX_KAFKA__TOPIC_PREFIX": self.kafka.topic_prefix,
            "PROX_CASSANDRA__KEYSPACE": self.cassandra.keyspace,
            "PROX_FLINK__CHECKPOINT_DIR": (run_dir / "checkpoints").as_uri(),
            "PROX_API__PORT": str(self._port),
        }

    def _log(self, module: str) -> Path:
        return self._stack.run_dir / f"logs/{NAME}-{module}.log"

    def _is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self._port}/health/ready", timeout=5, trust_env=False).is_success
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for identity in reversed(self._running.values()):
            running.stop(identity)
