"""Feeds Kafka beside the thread that watches."""

import threading
from collections.abc import Callable

from infra.feed import Fed, OnProgress
from schemas.errors import FatalError


class Feeding:
    """A feed under way.

    Parameters
    ----------
    feed
        Publishes everything, tells how far it is, and returns what was published.
    """

    def __init__(self, feed: Callable[[OnProgress], Fed]) -> None:
        self.done = 0
        self.total: int | None = None
        self._feed = feed
        self._fed: Fed | None = None
        self._error: Exception | None = None
        self._is_cancelled = threading.Event()
        # a daemon: one that waits for a Kafka that has died must not hold up the end
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self, within_s: float) -> None:
        """End it at the next record, and wait so long for that."""
        self._is_cancelled.set()
        self._thread.join(within_s)

    def fed(self) -> Fed | None:
        """What was published; None while it goes on.

        Raises
        ------
        Exception
            Whatever ended it.
        """
        if self._error is not None:
            raise self._error
        return self._fed

    def _run(self) -> None:
        try:
            self._fed = self._feed(self._told)
        except Exception as exc:  # raised again where somebody waits
            self._error = exc

    def _told(self, done: int, total: int | None) -> None:
        self.done, self.total = done, total
        if self._is_cancelled.is_set():
            raise FatalError("the feed was given up")
