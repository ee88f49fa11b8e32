"""The jobs and the API as processes: started, watched, and stopped by pid."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import httpx

from infra.demo import crm
from infra.demo.flink_logs import FlinkLogs
from infra.demo.stages import Stage
from infra.stack import process, signals
from infra.stack.service import Service
from schemas.errors import ConfigError, FatalError

READY_WITHIN_S = 600.0
"""Of the jobs and the API: some 20 s on two idle cores, minutes on busy ones; what never comes ends or is restarted long before."""
STOPPED_WITHIN_S = 30.0
PROCESSES = {"latency": ("enrich_events", "score_leads", "learn_models"), "writers": ("stitch_leads", "store_results", "push_scores")}
"""Process → its jobs: the latency path never shares an interpreter with the writers (ADR 2)."""
POLL_S = 0.2


class Programs:
    """The processes of one demo.

    Parameters
    ----------
    run_dir
        Where their pid files are.
    logs
        Folder of their logs; nobody else's are there.
    tmp
        For what the jobs' JVMs unpack.
    servers
        What they stand on.
    stages
        What runs: their jobs are awaited, and the writers have those that only some demos have.
    """

    def __init__(self, run_dir: Path, logs: Path, tmp: Path, servers: Iterable[Service], stages: Sequence[Stage]) -> None:
        self._stages = stages
        self._pids = run_dir / "pids"
        self._logs = logs
        self._tmp = tmp
        self._servers = list(servers)
        self._running: dict[str, process.Identity] = {}
        self._flink = FlinkLogs(logs)

    def start_jobs(self) -> None:
        """All jobs, in the two processes of `python -m jobs all --local`; they need topics and schemas.

        Started one by one, as `all` would first import everything that its two children import too: 7 s of a core.
        """
        # a JVM unpacks 100 MB of jars and libraries, and a killed one leaves them: here they are found and removed
        options = " ".join(filter(None, [os.environ.get("JAVA_TOOL_OPTIONS"), f"-Djava.io.tmpdir={self._tmp}"]))
        wanted = {stage.job for stage in self._stages}
        for name, jobs in PROCESSES.items():
            # Flink names its log by this and begins it anew
            env = {"FLINK_LOG_DIR": str(self._logs), "FLINK_IDENT_STRING": name, "JAVA_TOOL_OPTIONS": options}
            self._spawn(name, "jobs", "--local", *(job for job in jobs if job in wanted), env=env)

    def wait_for_jobs(self) -> None:
        """Return when every job runs.

        Raises
        ------
        FatalError
            As `check`; or they do not run in time.
        """
        self._wait("latency", lambda: self._flink.are_running(stage.operator for stage in self._stages))

    def start_crm(self, fake: crm.FakeCrm) -> None:
        """A fake CRM; returns when it answers.

        Raises
        ------
        FatalError
            As `check`; or it does not answer in time.
        """
        self._spawn("crm", *fake.command, env={"FAKE_TOKEN": fake.token})
        self._wait("crm", lambda: crm.is_ready(fake.url))

    def start_api(self, url: str) -> None:
        """The API; returns when it is ready to answer.

        Raises
        ------
        FatalError
            As `check`; or it is not ready in time.
        """
        self._spawn("api", "api", env={})
        self._wait("api", lambda: _is_ready(url))

    def _wait(self, name: str, is_ready: Callable[[], bool]) -> None:
        due = time.monotonic() + READY_WITHIN_S
        while not is_ready():
            self.check()
            if time.monotonic() > due:
                raise FatalError(f"{name}: not ready after {READY_WITHIN_S:.0f} s; see {self.log(name)}")
            time.sleep(POLL_S)

    def log(self, name: str) -> Path:
        """Where a program's output goes."""
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Refuse to wait for what will not come.

        Raises
        ------
        FatalError
            A program or a server has ended, or a job fails again and again: what it said last, and where its log is.
        """
        for name, identity in self._running.items():
            if not identity.is_running:
                raise FatalError(f"{name} ended ({identity.exit_code}) before the work was done: {last_words(self.log(name))}; see {self.log(name)}")
        for server in self._servers:
            if not server.is_running:
                raise FatalError(f"{server.spec.name} ended before the work was done: see {server.log}")
        self._flink.check()

    def stop(self) -> None:
        """Stop them all."""
        with signals.ignored():
            for identity in self._running.values():
                identity.signal(signal.SIGTERM)  # to all first: they end side by side
            for name in reversed(self._running):
                self._running[name].stop(STOPPED_WITHIN_S)
                self._pid_file(name).unlink(missing_ok=True)

    def _spawn(self, name: str, module: str, *args: str, env: Mapping[str, str]) -> None:
        identity = process.spawn([sys.executable, "-m", module, *args], log=self.log(name), env=env)
        self._running[name] = identity
        process.write_pid_file(self._pid_file(name), identity)

    def _pid_file(self, name: str) -> Path:
        return self._pids / f"demo-{name}.json"


def programs_left(run_dir: Path) -> list[process.Identity]:
    """The demo itself, if it still runs, then its programs: also those that one left which was killed."""
    # demo.json sorts behind demo-api.json
    found = (process.read_pid_file(path) for path in sorted((run_dir / "pids").glob("demo*.json"), reverse=True))
    return [identity for identity in found if identity is not None]


def claim(run_dir: Path) -> Path:
    """Make this process the only demo of a run directory; stops what a killed one has left.

    Returns
    -------
    The pid file that says so: to be removed at the end.

    Raises
    ------
    ConfigError
        Another demo runs there.
    """
    mine = run_dir / "pids/demo.json"
    other = process.read_pid_file(mine)
    if other is not None:
        raise ConfigError(f"a demo runs in {run_dir} already (pid {other.pid}): stop it, or choose another PROX_RUN_DIR")
    for program in programs_left(run_dir):
        program.stop(STOPPED_WITHIN_S)
    process.write_pid_file(mine, process.Identity.current())
    return mine


def last_words(log: Path) -> str:
    """The telling line at the end of a program's output."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    said = [line.strip() for line in lines[-200:] if line.strip()]
    telling = [line for line in said if line.startswith(("Caused by:", "java.", "org.apache", "py4j.")) or "Error:" in line or "Exception:" in line]
    return (telling or said or ["it said nothing"])[-1][:300]


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False
