"""A runner's process from its start until the last score is out, watched from outside and stopped by pid."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from infra.stack import process, signals
from schemas.errors import FatalError
from tests.bench.venvs import ROOT

POLL_S = 0.5
STALLED_S = 400.0
"""Without a new score for so long a run is given up; a start on a machine that others use takes minutes."""
STOPPED_WITHIN_S = 30.0
STOP_POLL_S = 0.05
LAST_LINES = 15


class Progress(NamedTuple):
    """What was out and what it had cost by then: scores, and processor seconds of the runner with all its children."""

    scores: int
    cpu_s: float


def run(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, total: int, count: Callable[[], int], show: Callable[[int], None]
) -> list[Progress]:
    """Start a program and wait until it has put out `total` scores; it is stopped whatever happens.

    Raises
    ------
    FatalError
        It ended or stalled before: the message holds the end of its log.
    """
    identity = process.spawn(command, log=log, env=env, cwd=ROOT)
    try:
        return watch(lambda: cpu_s_of(identity), total=total, count=count, show=show, check=lambda: require_running(identity, log))
    finally:
        stop(identity)


def watch(
    cpu_s: Callable[[], float], *, total: int, count: Callable[[], int], show: Callable[[int], None], check: Callable[[], None]
) -> list[Progress]:
    """Wait until `count()` has reached `total`."""
    history = [Progress(0, 0.0)]
    grew_at = time.monotonic()
    while history[-1].scores < total:
        time.sleep(POLL_S)
        check()
        history.append(Progress(count(), cpu_s()))
        show(history[-1].scores)
        if history[-1].scores > history[-2].scores:
            grew_at = time.monotonic()
        elif time.monotonic() - grew_at > STALLED_S:
            raise FatalError(f"no score for {STALLED_S:.0f} s after {history[-1].scores} of {total}")
    return history


def cpu_us_per_score(history: Sequence[Progress], first: int, last: int) -> float:
    """Processor time in µs that a score took between two counts of scores: tells runners apart even on a busy machine."""
    inner = [progress for progress in history if first <= progress.scores <= last]
    if len(inner) < 2 or inner[-1].scores == inner[0].scores:
        return float("nan")
    return (inner[-1].cpu_s - inner[0].cpu_s) * 1e6 / (inner[-1].scores - inner[0].scores)


def stop(identity: process.Identity) -> None:
    """Stop a program and what it has started, such as a JVM, by pid."""
    with signals.ignored():
        family = [process.Identity(child.pid, child.create_time()) for child in _children(identity)]
        identity.stop(STOPPED_WITHIN_S)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for child in family:
                child.signal(number)
            _wait_until_ended(family)


def _wait_until_ended(family: Sequence[process.Identity]) -> None:
    # asked again and again: an orphan that nobody reaps has ended too, and no wait would tell
    due = time.monotonic() + STOPPED_WITHIN_S
    while any(child.is_running for child in family) and time.monotonic() < due:
        time.sleep(STOP_POLL_S)


def _children(identity: process.Identity) -> list[psutil.Process]:
    parent = identity.process()
    with suppress(psutil.NoSuchProcess):
        return parent.children(recursive=True) if parent else []
    return []


def cpu_s_of(identity: process.Identity) -> float:
    """Processor seconds that a program and its children have used."""
    parent = identity.process()
    total = 0.0
    for each in [parent, *_children(identity)] if parent else []:
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def require_running(identity: process.Identity, log: Path) -> None:
    """Refuse to wait for a program that has ended.

    Raises
    ------
    FatalError
        With the end of its log.
    """
    if not identity.is_running:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        raise FatalError(f"{log.stem} ended ({identity.exit_code}) before its work was done:\n" + "\n".join(lines))


def jvm_environment(run_dir: Path) -> dict[str, str]:
    """Variables that keep what a JVM unpacks and logs in the run directory: one that is killed leaves a hundred megabytes."""
    tmp = run_dir / "tmp"
    tmp.mkdir(exist_ok=True)
    return {"JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={tmp}", "FLINK_LOG_DIR": str(run_dir / "logs")}
