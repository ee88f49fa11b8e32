"""A command on a terminal of its own, as a person runs it."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

ENDED_WITHIN_S = 120.0


class Terminal:
    """Runs a command; as a context manager it ends the command on leaving.

    Parameters
    ----------
    command
        What to run.
    cwd
        Where.
    env
        Variables besides our own.
    """

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        # the leader of a session whose terminal this is: so Ctrl-C reaches what a shell would make its foreground group
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command], stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env={**os.environ, "TERM": "xterm", **env}
        )
        os.close(slave)
        self.shown = ""

    def wait_for(self, text: str, timeout_s: float) -> None:
        """Read until this text was shown.

        Raises
        ------
        AssertionError
            The command ended without it, or took too long: with what it showed last.
        """
        due = time.monotonic() + timeout_s
        while text not in self.shown:
            assert time.monotonic() < due, f"no {text!r} after {timeout_s:.0f} s:\n{self.shown[-3000:]}"
            assert self._read(1.0), f"ended without {text!r}:\n{self.shown[-3000:]}"

    def press_ctrl_c(self) -> None:
        """What the person does when it is enough; returns when the command has ended."""
        os.write(self._master, b"\x03")
        self._drain()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.press_ctrl_c()
        os.close(self._master)

    def _drain(self) -> None:
        due = time.monotonic() + ENDED_WITHIN_S
        while self._read(1.0) and time.monotonic() < due:
            pass
        self._process.wait(ENDED_WITHIN_S)

    def _read(self, timeout_s: float) -> bool:
        """Read what is shown; False at the end."""
        if not select.select([self._master], [], [], timeout_s)[0]:
            return self._process.poll() is None
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # Linux says so when nobody has the terminal open any more
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)
