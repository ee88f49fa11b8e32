"""A Flink session cluster on loopback: one JobManager, TaskManagers of one slot each, jobs submitted to it."""

import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from infra.stack import flink_home, process, signals
from infra.stack.addresses import Addresses
from infra.stack.progress import Reporter, Silent
from infra.stack.service import Service, Spec
from schemas.errors import FatalError, RetriableError

SUBMITTED_WITHIN_S = 600
"""Twenty seconds on two idle cores, and more than two minutes were seen on busy ones."""
SAVED_WITHIN_S = 120.0
POLL_S = 0.2
_JOB_ID = re.compile(r"JobID ([0-9a-f]{32})")
_NOT_YET = re.compile(r"currently not executing|Not all required tasks are currently running")
"""What Flink says when it is asked for a savepoint of a job that is between two runs."""
ENDED = frozenset({"FINISHED", "FAILED", "CANCELED"})


def _reason(told: str) -> str:
    """The telling line of what `flink run` wrote: the root cause of the first trace, else its last words."""
    causes = [line.strip() for line in told.splitlines() if re.match(r"(Caused by: )?[\w.]+(Error|Exception): ", line.strip().lstrip(": "))]
    own = [line for line in causes if "Python process exits" not in line]
    return (own[-1] if own else told.strip()[-500:] or "it said nothing")[:500]


class FlinkCluster:
    """One JobManager and `task_managers` TaskManagers in a run directory.

    The same directory gives the same cluster, in any process. As a context manager it stops, on leaving, what was started through it.

    Parameters
    ----------
    secrets
        Variables of the TaskManagers beside those of this process: no secret travels in a job's graph.
    """

    def __init__(
        self,
        run_dir: Path,
        addresses: Addresses,
        *,
        task_managers: int = 2,
        reporter: Reporter | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self._secrets = secrets or {}
        self.run_dir = run_dir.resolve()
        self.home = self.run_dir / "flink"
        self._addresses = addresses
        self._reporter = reporter or Silent()
        self._rest = httpx.Client(base_url=addresses.flink_url, timeout=10, trust_env=False)
        self.job_manager = Service(self._job_manager_spec(), self.run_dir)
        # the highest number, not how many: one in between may have been killed
        known = max((int(path.stem.removeprefix("taskmanager-")) for path in (self.run_dir / "pids").glob("taskmanager-*.json")), default=0)
        self.task_managers = [Service(self._task_manager_spec(index), self.run_dir) for index in range(max(task_managers, known))]
        self._started: list[Service] = []

    @property
    def url(self) -> str:
        """The REST address, where the dashboard is too."""
        return self._addresses.flink_url

    @property
    def services(self) -> list[Service]:
        """The JobManager, then the TaskManagers."""
        return [self.job_manager, *self.task_managers]

    def start(self) -> None:
        """Start what does not run; return when every TaskManager is registered. Undone when it fails: what others started stays.

        Raises
        ------
        ConfigError, FatalError
            As `Stack.start`.
        """
        try:
            if not self.job_manager.is_running:
                flink_home.make(self.home, self._addresses)
            self._start_one(self.job_manager, threading.Event())
            self._start_task_managers()
        except BaseException:
            self._stop(self._started)
            raise

    def _start_task_managers(self) -> None:
        cancelled = threading.Event()
        with ThreadPoolExecutor(max(1, len(self.task_managers)), thread_name_prefix="flink") as pool:
            starts = [pool.submit(self._start_one, service, cancelled) for service in self.task_managers]
            try:
                for start in starts:
                    start.result()
            except BaseException:
                cancelled.set()
                raise

    def _start_one(self, service: Service, cancelled: threading.Event) -> None:
        if not service.is_running and service not in self._started:
            self._started.append(service)  # before it runs: an interruption must find it
        with self._reporter.starting(service.spec.name):
            service.start(cancelled)

    def stop(self) -> None:
        """Stop every process of the cluster; its jobs end with it."""
        self._stop(self.services)

    def _stop(self, services: Sequence[Service]) -> None:
        with signals.ignored():
            for service in reversed(services):
                service.stop()

    def kill_task_manager(self, index: int) -> process.Identity:
        """`kill -9` a TaskManager, as a crash does; `start` brings a new one.

        Returns
        -------
        The process that was killed.
        """
        identity = self.task_managers[index].identity
        if identity is None:
            raise FatalError(f"TaskManager {index} does not run")
        self.task_managers[index].kill()
        return identity

    def submit(self, *args: str, parallelism: int = 1, savepoint: str | None = None, env: Mapping[str, str] | None = None) -> str:
        """Submit what `python -m jobs ARGS` runs.

        Parameters
        ----------
        args
            Names of jobs.
        parallelism
            Of the job; a TaskManager for each is needed.
        savepoint
            Where to go on from: a path that `stop_with_savepoint` gave.
        env
            `PROX_…` variables of the job.

        Returns
        -------
        The job's id.

        Raises
        ------
        FatalError
            Flink refused it: the message ends with its last words.
        """
        restored = ["-s", savepoint] if savepoint else []
        python = ["-pyclientexec", sys.executable, "-pyexec", sys.executable]
        # by file: a module would have to be shipped with the job, and every TaskManager has it on its path
        job = ["-py", str(flink_home.ROOT / "jobs/__main__.py"), *args]
        command = ["run", "-d", "-p", str(parallelism), *restored, *python, *job]
        told = self._flink(*command, env={**(env or {}), "PROX_FLINK__PARALLELISM": str(parallelism)})
        match = _JOB_ID.search(told)
        if match is None:
            raise FatalError(f"job {' '.join(args)} was not submitted: {_reason(told)}")
        return match.group(1)

    def stop_with_savepoint(self, job_id: str) -> str:
        """Stop a job so that it can go on later, at any parallelism up to its maximum.

        One that is just starting again, after a failure or because slots came free, is asked again until it runs.

        Returns
        -------
        The savepoint's path, for `submit`.

        Raises
        ------
        FatalError
            The savepoint failed; the job runs on.
        """
        due = time.monotonic() + SAVED_WITHIN_S
        while "location" not in (operation := self._savepoint(job_id, due)):
            if time.monotonic() > due or not _NOT_YET.search(str(operation)):
                raise FatalError(f"the savepoint of job {job_id} failed: {str(operation)[:1000]}")
            time.sleep(POLL_S)
        self.wait_for(job_id, *ENDED)
        return str(operation["location"])

    def _savepoint(self, job_id: str, due: float) -> Mapping[str, Any]:
        """What came of asking for one: its location, or why there is none."""
        asked = self._post(f"/jobs/{job_id}/stop", {"drain": False, "targetDirectory": (self.home / "savepoints").as_uri()})
        while (answer := self._get(f"/jobs/{job_id}/savepoints/{asked['request-id']}"))["status"]["id"] != "COMPLETED":
            if time.monotonic() > due:
                raise FatalError(f"the savepoint of job {job_id} is not there after {SAVED_WITHIN_S:.0f} s")
            time.sleep(POLL_S)
        operation: Mapping[str, Any] = answer["operation"]
        return operation

    def cancel(self, job_id: str) -> None:
        """End a job and wait until it has ended; nothing is kept but its last checkpoint."""
        self._asked("PATCH", f"/jobs/{job_id}", params={"mode": "cancel"})
        self.wait_for(job_id, *ENDED)

    def state(self, job_id: str) -> str:
        """What Flink says a job is doing: RUNNING, RESTARTING, FINISHED, …."""
        return str(self._get(f"/jobs/{job_id}")["state"])

    def wait_for(self, job_id: str, *states: str, timeout_s: float = 120.0) -> str:
        """Wait until a job is in one of these states, and say which.

        Raises
        ------
        FatalError
            It is not in time.
        """
        due = time.monotonic() + timeout_s
        while (now := self.state(job_id)) not in states:
            if time.monotonic() > due:
                raise FatalError(f"job {job_id} is {now} after {timeout_s:.0f} s, not {' or '.join(states)}")
            time.sleep(POLL_S)
        return now

    def checkpoints(self, job_id: str) -> int:
        """How many checkpoints of a job are complete."""
        return int(self._get(f"/jobs/{job_id}/checkpoints")["counts"]["completed"])

    def state_backend(self, job_id: str) -> str:
        """Which of Flink's backends keeps a job's state."""
        return str(self._get(f"/jobs/{job_id}/checkpoints/config")["state_backend"])

    def restores(self, job_id: str) -> int:
        """How often a job went on from a checkpoint or savepoint."""
        return int(self._get(f"/jobs/{job_id}/checkpoints")["counts"]["restored"])

    def hosts(self, job_id: str) -> list[int]:
        """Which TaskManagers run a job's tasks now, by index; one that was killed a moment ago is still told."""
        vertices = [vertex["id"] for vertex in self._get(f"/jobs/{job_id}")["vertices"]]
        told = [self._get(f"/jobs/{job_id}/vertices/{vertex}/taskmanagers")["taskmanagers"] for vertex in vertices]
        ids = {str(host["taskmanager-id"]) for hosts in told for host in hosts}
        return [index for index in range(len(self.task_managers)) if self._resource_id(index) in ids]

    def _flink(self, *args: str, env: Mapping[str, str]) -> str:
        command = ["bash", str(self.home / "bin/flink"), *args]
        whole = {**process.inherited(), **flink_home.environment(self.home), **env}
        try:
            done = subprocess.run(command, env=whole, capture_output=True, text=True, check=False, timeout=SUBMITTED_WITHIN_S)  # noqa: S603 - ours
        except subprocess.TimeoutExpired as exc:
            raise FatalError(f"`flink {args[0]}` has not ended after {SUBMITTED_WITHIN_S} s: see {self.run_dir / 'logs'}") from exc
        return done.stdout + done.stderr

    def _get(self, path: str) -> Any:
        return self._asked("GET", path).json()

    def _post(self, path: str, body: Mapping[str, object]) -> Any:
        return self._asked("POST", path, json=body).json()

    def _asked(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            answer = self._rest.request(method, path, **content)
        except httpx.HTTPError as exc:
            raise RetriableError(f"Flink at {self.url} does not answer {path}: {type(exc).__name__} {exc}") from exc
        if answer.is_error:
            raise RetriableError(f"Flink answers {answer.status_code} to {answer.request.url}: {answer.text[:300]}")
        return answer

    def _job_manager_spec(self) -> Spec:
        return Spec(
            name="jobmanager",
            command=lambda: ["bash", str(self.home / "bin/jobmanager.sh"), "start-foreground"],
            prepare=lambda: None,
            is_ready=lambda: self._registered() is not None,
            ports=[self._addresses.flink_rest, self._addresses.flink_rpc, self._addresses.flink_blob],
            env=flink_home.environment(self.home),
        )

    def _task_manager_spec(self, index: int) -> Spec:
        name = f"taskmanager-{index + 1}"

        def command() -> list[str]:
            # a new id for each process: the JobManager remembers a dead one for a while
            resource_id = f"{name}-{secrets.token_hex(4)}"
            self._id_file(index).write_text(resource_id, encoding="utf-8")
            return ["bash", str(self.home / "bin/taskmanager.sh"), "start-foreground", "-D", f"taskmanager.resource-id={resource_id}"]

        def is_ready() -> bool:
            return self._resource_id(index) in (self._registered() or ())

        return Spec(
            name=name, command=command, prepare=lambda: None, is_ready=is_ready, ports=[], env={**flink_home.environment(self.home), **self._secrets}
        )

    def _id_file(self, index: int) -> Path:
        return self.home / f"taskmanager-{index + 1}.id"

    def _resource_id(self, index: int) -> str | None:
        """What the JobManager calls a TaskManager; None for one that was never started."""
        path = self._id_file(index)
        return path.read_text(encoding="utf-8") if path.exists() else None

    def _registered(self) -> frozenset[str] | None:
        """Ids of the TaskManagers; None while the JobManager does not answer."""
        try:
            answer = self._rest.get("/taskmanagers")
            return frozenset(each["id"] for each in answer.json()["taskmanagers"]) if answer.is_success else None
        except (httpx.HTTPError, ValueError):
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop(self._started)
        self._rest.close()
