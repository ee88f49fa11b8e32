"""With all of ProX running: from the producer to the scores topic, and to a row that can be read in Cassandra."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress

from connectors.kafka.lag import lag
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra.stack import Stack
from models.journeys import simulator
from schemas.errors import FatalError
from schemas.event import Event
from schemas.ids import Millis, lead_key
from schemas.outcome import Outcome
from schemas.policy import DAY_MS
from schemas.topics import Topic
from tests.bench import arrivals
from tests.bench.listener import Heard, Listener, now_ms
from tests.bench.system import System

STATED_RATE = 300
JOURNEY_DAYS, JOURNEY_LEADS = 90, 200_000
FIRST = 50
"""Records that wait when the jobs start: the first score is one of theirs."""
FIRST_WITHIN_S = 600.0
FLUSH_EVERY = 2_000
"""Of a burst: so the topics of events and outcomes stay close to each other."""
SETTLED_WITHIN_S = 300.0
TAIL_S = 5.0
WRITER_GROUP = "prox.store_results"


class Percentiles(NamedTuple):
    """In ms, of `n` measurements."""

    p50: float
    p99: float
    n: int


class Phase(NamedTuple):
    """At one rate: to the scores topic, and to a readable row; `sent_per_s` is what the producer really did."""

    rate: float
    sent_per_s: float
    scores: Percentiles
    rows: Percentiles


class Latency(NamedTuple):
    """Everything that was measured. Times in s, from nothing running (servers) or from the jobs' start; the peak in scores a second."""

    servers_to_first_score_s: float
    jobs_to_first_score_s: float
    peak_per_s: float
    phases: dict[str, Phase]


def measure(stack: Stack, console: Console, *, began: float, burst: int, seconds: float, warm_up_s: float) -> Latency:
    """Start the system, push it to its peak, and measure at the stated rate and at half of the peak.

    Parameters
    ----------
    stack
        With all servers running.
    console
        Shows progress.
    began
        When the servers' start began, by the monotonic clock.
    burst
        Records of the peak.
    seconds, warm_up_s
        How long each rate is measured, and held before that.
    """
    with System(stack) as system:
        system.prepare()
        source = _Source(system)
        with Listener(system.kafka, system.cassandra) as listener:
            source.send(FIRST)
            jobs_began = time.monotonic()
            system.start()
            first_at = _wait_for_first(system, listener)
            first = (first_at - began, first_at - jobs_began)
            console.print(f"first score after {first[1]:.0f} s, {first[0]:.0f} s with the servers", highlight=False)
            with console.status("warm up"):
                source.send_at(STATED_RATE, warm_up_s)
                settle(system, listener)
            phases = {str(STATED_RATE): _phase(console, system, source, listener, STATED_RATE, seconds, warm_up_s)}
            with console.status("peak"):
                peak = _peak(system, source, listener, burst)
            console.print(f"peak {peak:,.0f} scores/s", highlight=False)
            phases["half_peak"] = _phase(console, system, source, listener, peak / 2, seconds, warm_up_s)
    return Latency(*first, peak, phases)


class _Source:
    """Journeys, published as a collector would: each record received when it is sent."""

    def __init__(self, system: System) -> None:
        self._producer = Producer(system.kafka, Registry(system.kafka).codec())
        self._records = _journeys()

    def send(self, count: int) -> None:
        """Send so many records as fast as can be."""
        for i, record in enumerate(islice(self._records, count)):
            self._publish(record)
            if i % FLUSH_EVERY == FLUSH_EVERY - 1:
                self._producer.flush()
        self._producer.flush()

    def send_at(self, rate: float, seconds: float, progress: Progress | None = None) -> float:
        """Send for so long at a rate; returns the rate that was reached."""
        count = int(rate * seconds)
        records = list(islice(self._records, count))  # invented before: ProX is measured, not the simulator beside it
        began = time.monotonic()
        for i, record in enumerate(records):
            due_in_s = began + i / rate - time.monotonic()
            if due_in_s > 0:
                time.sleep(due_in_s)
            self._publish(record)
            if progress and i % STATED_RATE == 0:
                progress.update(progress.task_ids[0], completed=i)
        self._producer.flush()
        return count / (time.monotonic() - began)

    def _publish(self, record: Event | Outcome) -> None:
        topic = Topic.EVENTS_RECEIVED if isinstance(record, Event) else Topic.OUTCOMES_RECEIVED
        fresh = record._replace(received_at=Millis(now_ms()))
        self._producer.publish(topic, fresh, key=lead_key(record.tenant, record.lead), at=record.occurred_at)


def _journeys() -> Iterator[Event | Outcome]:
    start = Millis(now_ms() - JOURNEY_DAYS * DAY_MS)
    for step in simulator.simulate(tenant="bench", seed=1, leads=JOURNEY_LEADS, start=start, days=JOURNEY_DAYS):
        yield step.record


def _wait_for_first(system: System, listener: Listener) -> float:
    due = time.monotonic() + FIRST_WITHIN_S
    while not listener.count():
        system.check()
        if time.monotonic() > due:
            raise FatalError(f"no score {FIRST_WITHIN_S:.0f} s after the jobs were started")
        time.sleep(0.1)
    return time.monotonic()


def _phase(console: Console, system: System, source: _Source, listener: Listener, rate: float, seconds: float, warm_up_s: float) -> Phase:
    source.send_at(rate, warm_up_s)
    measured_from = now_ms()
    with Progress(console=console, transient=True) as progress:
        progress.add_task(f"{rate:,.0f} records/s", total=int(rate * seconds))
        sent = source.send_at(rate, seconds, progress)
    heard = settle(system, listener)
    return Phase(rate, sent, percentiles(heard.scores, measured_from), percentiles(heard.rows, measured_from))


def _peak(system: System, source: _Source, listener: Listener, burst: int) -> float:
    source.send(burst)
    return arrivals.speed(np.sort(settle(system, listener).scores[:, 1]))


def settle(system: System, listener: Listener) -> Heard:
    """Wait until the writer has committed all that was scored, and take what was heard: the next phase begins with empty queues."""
    due = time.monotonic() + SETTLED_WITHIN_S
    while True:
        before = listener.count()
        time.sleep(TAIL_S)
        system.check()
        is_quiet = listener.count() == before and lag(system.kafka, WRITER_GROUP, Topic.SCORES_PUBLISHED) == 0
        if is_quiet:
            return listener.take()
        if time.monotonic() > due:
            raise FatalError(f"scores still come or wait to be stored {SETTLED_WITHIN_S:.0f} s after the last record was sent")


def percentiles(times: npt.NDArray[np.int64], measured_from: int) -> Percentiles:
    """Of pairs (received, seen) in ms that were received from an instant on.

    >>> percentiles(np.array([[0, 900], [10, 20], [20, 40]]), 10)
    Percentiles(p50=15.0, p99=19.9, n=2)
    """
    measured = times[times[:, 0] >= measured_from]
    if not len(measured):
        raise FatalError("nothing was heard while it was measured")
    took = measured[:, 1] - measured[:, 0]
    p50, p99 = np.percentile(took, [50, 99])
    return Percentiles(float(p50), round(float(p99), 1), len(measured))
