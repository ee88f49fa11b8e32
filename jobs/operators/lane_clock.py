"""One timer for each lane, at the next due of its queue."""

from typing import Any

from models.due import DueQueue

SETTLING_MS = 1_000
"""How long a timer's labels wait for records that the watermark has overtaken: they are held up to a window's length (50 ms) in front of
the operator. A lane with traffic does not wait: its batches carry a clock that cannot overtake them."""
BEGINNING = 0


class LaneClock:
    """Asks Flink for a call when a lane has something due."""

    def __init__(self) -> None:
        self._registered: dict[int, int] = {}

    def wind(self, lane: int, queue: DueQueue, timers: Any) -> None:
        """Have `on_timer` called once event time has passed the lane's next due."""
        due = queue.next_due()
        if due is not None and self._registered.get(lane) != due and timers.current_watermark() > BEGINNING:
            timers.register_event_time_timer(due)
            self._registered[lane] = due

    def settle(self, timers: Any) -> None:
        """On an event-time timer: have `on_timer` called again, on processing time, when what the watermark overtook has arrived."""
        timers.register_processing_time_timer(timers.current_processing_time() + SETTLING_MS)
