"""One server of the stack: a process with a directory, a log, a pid file, and a question that shows it is ready."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.stack import ports, process
from schemas.errors import FatalError

POLL_S = 0.1
READY_WITHIN_S = 180.0
STOPPED_WITHIN_S = 30.0


@dataclass(frozen=True)
class Spec:
    """How a server is started.

    Parameters
    ----------
    command
        Its command line, made when it starts: it may fetch what it needs.
    prepare
        Writes its configuration, once before each start.
    is_ready
        Whether it has answered a real request. False while it has not; it does not raise.
    ports
        Those it must be able to listen on.
    """

    name: str
    command: Callable[[], Sequence[str]]
    prepare: Callable[[], None]
    is_ready: Callable[[], bool]
    ports: Sequence[int]
    env: Mapping[str, str] = field(default_factory=dict)


class Service:
    """A server in a run directory; one that an earlier command started is found again by its pid file."""

    def __init__(self, spec: Spec, run_dir: Path) -> None:
        self.spec = spec
        self.log = run_dir / "logs" / f"{spec.name}.log"
        self._pid_file = run_dir / "pids" / f"{spec.name}.json"

    @property
    def identity(self) -> process.Identity | None:
        """Its process, if it runs."""
        return process.read_pid_file(self._pid_file)

    @property
    def is_running(self) -> bool:
        """Whether its process runs."""
        return self.identity is not None

    def start(self, cancelled: threading.Event | None = None) -> bool:
        """Start it unless it runs, and wait until it is ready.

        Returns
        -------
        Whether it was this call that started it.

        Raises
        ------
        ConfigError
            One of its ports is taken.
        FatalError
            It ended while it was starting, or is not ready in time.
        """
        cancelled = cancelled or threading.Event()
        if self.is_running:
            self._wait(cancelled)
            return False
        for port in self.spec.ports:
            ports.require_free(port, self.spec.name, "give the stack other ports: make down, then remove .run/stack.json")
        self.spec.prepare()
        command = self.spec.command()
        if cancelled.is_set():
            raise FatalError(f"the start of {self.spec.name} was given up")
        process.write_pid_file(self._pid_file, process.spawn(command, log=self.log, env=self.spec.env))
        self._wait(cancelled)
        return True

    def _wait(self, cancelled: threading.Event) -> None:
        due = time.monotonic() + READY_WITHIN_S
        while not self.spec.is_ready():
            if cancelled.wait(POLL_S):
                raise FatalError(f"the start of {self.spec.name} was given up")
            if not self.is_running:
                raise FatalError(f"{self.spec.name} ended while it was starting: {self._last_words()}; see {self.log}")
            if time.monotonic() > due:
                raise FatalError(f"{self.spec.name} is not ready after {READY_WITHIN_S:.0f} s: see {self.log}")

    def stop(self) -> None:
        """Stop it, if it runs."""
        identity = self.identity
        if identity is not None:
            identity.stop(STOPPED_WITHIN_S)
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it as `kill -9` does, if it runs."""
        identity = self.identity
        if identity is not None:
            identity.kill()
        self._pid_file.unlink(missing_ok=True)

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        telling = [line for line in lines[-200:] if "ERROR" in line or "Exception" in line] or lines[-1:]
        return telling[0].strip()[:300] if telling else "it said nothing"
