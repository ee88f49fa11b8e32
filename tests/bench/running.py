"""A runner's process from its start until the last score is out, watched from outside and stopped by pid."""

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
        return watch(lambda: _cpu_s(identity), total=total, count=count, show=show, check=lambda: _check(identity, log))
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
        for child in family:
            if not child.wait(STOPPED_WITHIN_S):
                child.kill()


def _children(identity: process.Identity) -> list[psutil.Process]:
    parent = identity.process()
    with suppress(psutil.NoSuchProcess):
        return parent.children(recursive=True) if parent else []
    return []


def _cpu_s(identity: process.Identity) -> float:
    parent = identity.process()
    return cpu_s([parent, *_children(identity)] if parent else [])


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Processor seconds that processes have used."""
    total = 0.0
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def _check(identity: process.Identity, log: Path) -> None:
    if not identity.is_running:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        raise FatalError(f"the runner ended ({identity.exit_code}) before its work was done:\n" + "\n".join(lines))
