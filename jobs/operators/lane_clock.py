"""One timer for each lane, at the next due of its queue."""

from typing import Any

from models.due import DueQueue

SETTLING_MS = 1_000
"""How long a timer's labels wait for records that the watermark has overtaken: they are held up to a window's length (50 ms) in front of
the operator. A lane with traffic does not wait: its batches carry a clock that cannot overtake them."""
LOOKING_MS = 5_000
"""How often a lane whose records came before the first watermark looks whether there is one: it may never have another record."""
BEGINNING = 0


class LaneClock:
    """Asks Flink for a call when a lane has something due."""

    def __init__(self) -> None:
        self._registered: dict[int, int] = {}
        self._looks_at: dict[int, int] = {}

    def wind(self, lane: int, queue: DueQueue, timers: Any) -> None:
        """Have `on_timer` called once event time has passed the lane's next due; while event time is not known, on processing time, to wind again."""
        due = queue.next_due()
        if due is None or self._registered.get(lane) == due:
            return
        if timers.current_watermark() > BEGINNING:
            timers.register_event_time_timer(due)
            self._registered[lane] = due
            return
        now = timers.current_processing_time()
        if self._looks_at.get(lane, now) <= now:
            self._looks_at[lane] = now + LOOKING_MS
            timers.register_processing_time_timer(now + LOOKING_MS)

    def settle(self, timers: Any) -> None:
        """On an event-time timer: have `on_timer` called again, on processing time, when what the watermark overtook has arrived."""
        timers.register_processing_time_timer(timers.current_processing_time() + SETTLING_MS)
