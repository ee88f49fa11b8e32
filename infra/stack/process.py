"""Processes that outlive us: known by pid and start time, so that a reused pid is never touched."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import psutil

CLOCK_SLACK_S = 2.0
"""Start times are told by the wall clock, which may be set while we run."""

_children: dict[int, "subprocess.Popen[bytes]"] = {}
"""Processes started by this one: they must be waited for, or they stay zombies."""


class Identity(NamedTuple):
    """One process, for ever."""

    pid: int
    started: float

    @classmethod
    def current(cls) -> Self:
        """This process."""
        return cls(os.getpid(), psutil.Process().create_time())

    def process(self) -> psutil.Process | None:
        """The process, if it still runs."""
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            return None
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started) < CLOCK_SLACK_S
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    @property
    def is_running(self) -> bool:
        """Whether it still runs."""
        return self.process() is not None

    @property
    def exit_code(self) -> int | None:
        """How it ended, if it was a child of ours."""
        child = _children.get(self.pid)
        return child.poll() if child is not None else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        process = self.process()
        if process is not None:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                return

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within this time."""
        child = _children.get(self.pid)
        try:
            if child is not None:
                child.wait(timeout_s)
            elif (process := self.process()) is not None:
                process.wait(timeout_s)
        except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
            return False
        return True

    def stop(self, timeout_s: float) -> None:
        """Ask it to end; end it when it has not done so in time."""
        self.signal(signal.SIGTERM)
        if not self.wait(timeout_s):
            self.kill()

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self.signal(signal.SIGKILL)
        self.wait(10)


def spawn(command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Identity:
    """Start a process in a session of its own, so that a terminal's Ctrl-C reaches only us, its output added to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**inherited(), **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    _children[child.pid] = child
    return Identity(child.pid, psutil.Process(child.pid).create_time())


def inherited() -> dict[str, str]:
    """The variables that a process of ours is started with, before its own."""
    return dict(os.environ)


def write_pid_file(path: Path, identity: Identity) -> None:
    """Remember a process for a later command."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(identity._asdict()), encoding="utf-8")
    partial.replace(path)


def read_pid_file(path: Path) -> Identity | None:
    """The process of a pid file, if it still runs; None too when there is no such file or it is damaged."""
    try:
        identity = Identity(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return identity if identity.is_running else None
