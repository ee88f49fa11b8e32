"""What a person sees while jars download and servers start."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn


class Reporter(Protocol):
    """Is told what goes on; both methods may be called from several threads."""

    def fetching(self, name: str, expected_bytes: int) -> AbstractContextManager[Callable[[int], None]]:
        """A download: what it gives is called with every number of bytes that came."""

    def starting(self, name: str) -> AbstractContextManager[None]:
        """A start, from nothing to ready."""


class Silent:
    """Tells nobody."""

    @contextmanager
    def fetching(self, name: str, expected_bytes: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG002 - the protocol's
        """Tell nobody."""
        yield lambda _: None

    @contextmanager
    def starting(self, name: str) -> Iterator[None]:  # noqa: ARG002 - the protocol's
        """Tell nobody."""
        yield


class Shown:
    """Shows a line for each task, with how far it is; on a pipe one line when it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), BarColumn(30), TaskProgressColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._lock = threading.Lock()
        self._open = 0

    @contextmanager
    def fetching(self, name: str, expected_bytes: int) -> Iterator[Callable[[int], None]]:
        """A bar of bytes; it fills before the end when more comes than was expected."""
        with self._task(f"download {name}", expected_bytes) as advance:
            yield advance

    @contextmanager
    def starting(self, name: str) -> Iterator[None]:
        """A bar that only moves, as nobody knows how long a start takes."""
        with self._task(f"start {name}", None):
            yield

    @contextmanager
    def _task(self, description: str, total: int | None) -> Iterator[Callable[[int], None]]:
        self._enter()
        task = self._progress.add_task(f"{description:<20}", total=total)
        try:
            yield lambda count: self._progress.advance(task, count)
            self._progress.update(task, total=total or 1, completed=total or 1)
            if not self._console.is_terminal:
                self._console.print(f"✓ {description}")
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            self._open += 1
            if self._open == 1:
                self._progress.start()

    def _leave(self) -> None:
        with self._lock:
            self._open -= 1
            if self._open == 0:
                self._progress.stop()
