"""What a person sees of the stack."""

import time
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import psutil
from rich.table import Table

from infra.stack.service import Service


def status(run_dir: Path, services: Iterable[Service]) -> Table:
    """A line for each server."""
    table = Table("server", "state", "port", "pid", "memory", "up", title=f"Stack in {run_dir}", title_justify="left")
    for service in services:
        table.add_row(*_row(service))
    return table


def _row(service: Service) -> list[str]:
    name, port = service.spec.name, str(next(iter(service.spec.ports), ""))
    identity = service.identity
    process = identity.process() if identity else None
    if identity is None or process is None:
        return [name, "[red]stopped[/red]", port, "", "", ""]
    state = "[green]ready[/green]" if service.spec.is_ready() else "[yellow]no answer[/yellow]"
    try:
        memory = f"{process.memory_info().rss / 1e6:.0f} MB"
    except psutil.NoSuchProcess:
        memory = ""
    age = timedelta(seconds=round(max(0.0, time.time() - identity.started)))  # noqa: TID251 - shown to a person, nothing depends on it
    return [name, state, port, str(identity.pid), memory, str(age)]


def last_lines(log: Path, count: int) -> list[str]:
    """The end of a log; nothing when it is not there."""
    if not log.exists():
        return []
    with log.open(encoding="utf-8", errors="replace") as lines:
        return [line.rstrip("\n") for line in deque(lines, maxlen=count)]
