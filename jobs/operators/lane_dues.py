"""The due queues of lanes, in Flink's state."""

from typing import Any

from jobs.operators.lane_state import StateStore
from models.due import DueQueue

KEPT_PAGES = 1_000
"""Pages of a lane's queue that are kept at hand: what is due soon was often queued lately."""


class LaneDues:
    """A queue for each lane; in lanes a page's key is not its own, so each has a store too.

    Parameters
    ----------
    state
        `DueQueue`'s pages, of whichever lane is the current one.
    """

    def __init__(self, state: Any) -> None:
        self._state = state
        self._stores: dict[int, StateStore] = {}
        self._queues: dict[int, DueQueue] = {}

    def of(self, lane: int) -> DueQueue:
        """The queue of the current lane."""
        queue = self._queues.get(lane)
        if queue is None:
            store = self._stores[lane] = StateStore(self._state, limit=KEPT_PAGES)
            queue = self._queues[lane] = DueQueue(store)
        return queue

    def flush(self, lane: int) -> None:
        """Give Flink what was queued in the current lane."""
        self._stores[lane].flush()
