"""Reads the logs of embedded Flink, which says nowhere else that a job runs, or that it fails and is restarted for ever."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from schemas.errors import FatalError

TOO_OFTEN = 3
"""One restart is an accident that Flink mends; the third of a job on a machine where nothing else is wrong is a bug."""

_RESTARTING = re.compile(r"Job (\S+) \([0-9a-f]+\) switched from state \w+ to RESTARTING\.")
_RUNNING = re.compile(r"ExecutionGraph +\[\] - (.*) \(\d+/\d+\) .* switched from INITIALIZING to RUNNING\.")
_CAUSE = re.compile(r"^(?:Caused by: )?((?:[a-z]\w*\.)+\w*(?:Exception|Error)\b.*)")


class FlinkLogs:
    """Follows every log of a folder.

    Parameters
    ----------
    folder
        Where they are, `flink-*.log`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_to: dict[Path, int] = {}
        self._restarts: Counter[str] = Counter()
        self._causes: dict[Path, str] = {}
        self._running: list[str] = []

    def are_running(self, operators: Iterable[str]) -> bool:
        """Whether each of these operators was seen to run; `check` reads the logs."""
        return all(any(operator in task for task in self._running) for operator in operators)

    def check(self) -> None:
        """Read what was written since the last call.

        Raises
        ------
        FatalError
            A job was restarted TOO_OFTEN times: its last cause, and the log.
        """
        for log in sorted(self._folder.glob("flink-*.log")):
            self._read(log)
            worst, times = max(self._restarts.items(), key=lambda item: item[1], default=("", 0))
            if times >= TOO_OFTEN:
                raise FatalError(f"{worst} fails again and again ({times} restarts): {self._causes.get(log, 'it does not say why')}; see {log}")

    def _read(self, log: Path) -> None:
        with log.open("rb") as file:
            file.seek(self._read_to.get(log, 0))
            # a line that is still being written waits for the next call
            text, newline, _ = file.read().rpartition(b"\n")
        self._read_to[log] = self._read_to.get(log, 0) + len(text) + len(newline)
        for line in text.decode("utf-8", "replace").splitlines():
            if match := _RESTARTING.search(line):
                self._restarts[match.group(1)] += 1
            elif match := _RUNNING.search(line):
                self._running.append(match.group(1))
            elif match := _CAUSE.match(line):
                self._causes[log] = match.group(1)[:300]
