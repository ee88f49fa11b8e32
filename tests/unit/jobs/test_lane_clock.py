"""The timer of a lane, wound as Flink's operators do."""

from pyflink.datastream.time_domain import TimeDomain

from jobs.operators.lane_clock import LOOKING_MS, LaneClock
from models.due import DueQueue
from models.replay import DictStore
from tests.builders import MONDAY, TUESDAY
from tests.unit.jobs.fakes import Backend, FakeContext

LANE = 7


def a_queue(*dues: int) -> DueQueue:
    queue = DueQueue(DictStore())
    queue.add({due: ["acme|ada"] for due in dues})
    return queue


def at(watermark: int, processing_time: int = 0) -> tuple[Backend, FakeContext]:
    backend = Backend()
    backend.lane, backend.watermark, backend.processing_time = LANE, watermark, processing_time
    return backend, FakeContext(backend)


def test_a_lane_with_nothing_due_has_no_timer():
    """Whether event time is known or not."""
    for watermark in (-(2**63), MONDAY):
        backend, timers = at(watermark)
        LaneClock().wind(LANE, a_queue(), timers)

        assert set() == backend.timers


def test_the_timer_is_at_the_earliest_due():
    """Once, however often it is wound; and again when something is due earlier."""
    backend, timers = at(MONDAY)
    clock = LaneClock()
    for dues in ((TUESDAY + 1,), (TUESDAY + 1,), (TUESDAY, TUESDAY + 1)):
        clock.wind(LANE, a_queue(*dues), timers)

    assert {(TimeDomain.EVENT_TIME, LANE, due) for due in (TUESDAY, TUESDAY + 1)} == backend.timers


def test_while_event_time_is_not_known_a_lane_looks_again():
    """One look at a time, the next when the last has passed, and none once the timer is set."""
    backend, timers = at(-(2**63))
    clock, queue = LaneClock(), a_queue(TUESDAY)
    for processing_time in (0, 1, LOOKING_MS - 1, LOOKING_MS, LOOKING_MS + 1):
        backend.processing_time = processing_time
        clock.wind(LANE, queue, timers)
    looks = {(TimeDomain.PROCESSING_TIME, LANE, LOOKING_MS), (TimeDomain.PROCESSING_TIME, LANE, 2 * LOOKING_MS)}

    assert looks == backend.timers

    backend.watermark, backend.processing_time = MONDAY, 2 * LOOKING_MS
    clock.wind(LANE, queue, timers)

    assert looks | {(TimeDomain.EVENT_TIME, LANE, TUESDAY)} == backend.timers
