"""Shows how the records of a demo move through the stages, until nothing moves any more."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.demo.feeding import Feeding
from infra.demo.stages import Reaches, Settled, Stage, first_score, read
from infra.feed import Fed
from infra.settings import FlinkConfig, Settings
from schemas.errors import RetriableError

POLL_S = 1.0
TOLD_EVERY_S = 15.0
"""On a pipe, where no bar can move, a line so often."""
TIMERS_S = 3.0
"""What waits on the jobs' own timers, and something to spare on a slow machine."""

AWAY_S = 60.0
"""A young Kafka first makes the topic of offsets, and refuses to tell any until it has."""

PUBLISHED = "published"
T = TypeVar("T")


class Watching:
    """Watches one feed.

    Parameters
    ----------
    console
        Where bars are shown, or lines.
    settings
        Of the deployment.
    began
        When the demo began, by the monotonic clock.
    stages
        What is watched.
    """

    def __init__(self, console: Console, settings: Settings, *, began: float, stages: Sequence[Stage]) -> None:
        self._stages = stages
        self._console = console
        self._settings = settings
        self._began = began
        self._fed_from = began
        self._settled_at = began
        self._first_score_at: float | None = None
        self._told_at = 0.0
        columns = (TextColumn("{task.description:<12}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, console=console, disable=not console.is_terminal)
        self._tasks = {name: self._bars.add_task(name, total=None) for name in (PUBLISHED, *(stage.done for stage in stages))}

    def until_settled(self, feeding: Feeding, check: Callable[[], None]) -> Fed:
        """Start the feed; return when all of it is enriched, scored, learned and stored.

        Parameters
        ----------
        feeding
            Not started yet.
        check
            Called again and again; raises when waiting is in vain.

        Raises
        ------
        ProxError
            The feed failed, Kafka is away, or whatever `check` raises.
        """
        settled = Settled(quiet_s(self._settings.flink))
        self._fed_from = time.monotonic()
        feeding.start()
        with self._bars:
            while True:
                check()
                fed = feeding.fed()  # before the stages are read: what is read then includes all of it
                reaches = self._patiently(lambda: read(self._settings.kafka, self._stages))
                now = time.monotonic()
                self._notice_first_score(reaches, now)
                self._show(feeding, reaches, now)
                if settled.is_settled(reaches, now) and fed is not None:
                    self._settled_at = settled.since
                    return fed
                time.sleep(POLL_S)

    def tell(self, fed: Fed, tenant: str) -> None:
        """Say what was done and how long it took."""
        took = self._settled_at - self._fed_from
        first = "" if self._first_score_at is None else f"; first score {self._first_score_at - self._began:.0f} s after the start"
        self._console.print(
            f"{fed.events:,} events and {fed.outcomes:,} outcomes of {tenant}: enriched, scored, learned and stored in {took:.0f} s{first}\n",
            soft_wrap=True,
            highlight=False,
        )

    def _notice_first_score(self, reaches: Reaches, now: float) -> None:
        if self._first_score_at is None and (reaches["scored"].done or self._patiently(lambda: first_score(self._settings.kafka))):
            self._first_score_at = now

    def _patiently(self, ask: Callable[[], T]) -> T:
        until = time.monotonic() + AWAY_S
        while True:
            try:
                return ask()
            except RetriableError:
                if time.monotonic() > until:
                    raise
                time.sleep(POLL_S)

    def _show(self, feeding: Feeding, reaches: Reaches, now: float) -> None:
        self._bars.update(self._tasks[PUBLISHED], completed=feeding.done, total=feeding.total)
        for name, reach in reaches.items():
            self._bars.update(self._tasks[name], completed=reach.done, total=reach.total or None)
        if not self._console.is_terminal and now - self._told_at >= TOLD_EVERY_S:
            self._told_at = now
            parts = [
                f"{PUBLISHED} {feeding.done:,}/{feeding.total or 0:,}",
                *(f"{name} {reach.done:,}/{reach.total:,}" for name, reach in reaches.items()),
            ]
            self._console.print(", ".join(parts), soft_wrap=True, highlight=False)


def quiet_s(flink: FlinkConfig) -> float:
    """How long nothing must have moved until all is done: nothing comes later than a checkpoint, the idle timeout and the timers together."""
    return flink.checkpoint_interval.total_seconds() + flink.idle_timeout.total_seconds() + TIMERS_S
