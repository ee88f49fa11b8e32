import itertools
import signal
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

import httpx
import pytest

from infra.stack import Part, Stack
from tests.collector import Station
from tests.e2e.waiting import until

BATCH = 20
SOME = 400
"""Events acknowledged between two blows."""


class Sender:
    """Sends batches as an SDK does: what was not answered with 200 is sent again with the same ids. Remembers what was acknowledged."""

    def __init__(self, station: Station, key: str) -> None:
        self._url = f"{station.url}/v1/batch"
        self._key = key
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.acknowledged: list[int] = []
        self.answers: Counter[str] = Counter()
        self.slowest_s = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()

    def wait_for(self, more: int) -> None:
        """Until so many more are acknowledged."""
        goal = len(self.acknowledged) + more
        until(lambda: len(self.acknowledged) >= goal, f"{more} more events are acknowledged", within_s=120)

    def _send(self) -> None:
        for n in itertools.count(step=BATCH):
            ids = range(n, n + BATCH)
            batch = [{"type": "track", "event": "X", "userId": f"u-{i % 9}", "messageId": f"m-{i}", "properties": {"n": i}} for i in ids]
            while not self._is_over.is_set():
                began = time.monotonic()
                try:
                    answer = httpx.post(self._url, json={"batch": batch}, auth=(self._key, ""), timeout=30.0)
                    said = str(answer.status_code)
                except httpx.HTTPError as exc:
                    said = type(exc).__name__
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.answers[said] += 1
                if said == "200":
                    self.acknowledged.extend(ids)
                    break
                self._is_over.wait(0.1)
            if self._is_over.is_set():
                return


def test_no_acknowledged_event_is_lost_when_the_collector_and_kafka_are_killed(station: Station, stack: Stack):
    """Kill -9 of either in mid-load: what was answered with 200 is there."""
    tenant, key = station.take_key()
    with Sender(station, key) as sender:
        sender.wait_for(SOME)
        station.kill()
        station.start()
        sender.wait_for(SOME)
        stack.kill(Part.KAFKA)
        stack.start(Part.KAFKA)
        sender.wait_for(SOME)
    found = {int(event.properties["n"]) for event in station.events(tenant)}

    assert set() == set(sender.acknowledged) - found
    assert sender.answers["200"] * BATCH == len(sender.acknowledged)
    assert {"200"} != set(sender.answers)


def test_a_kafka_that_stands_still_makes_senders_wait_and_loses_nothing(station: Station, stack: Stack):
    """429 with Retry-After while nothing is acknowledged; then everything goes on by itself."""
    tenant, key = station.take_key()
    kafka = stack.services[Part.KAFKA].identity
    assert kafka is not None
    with Sender(station, key) as sender:
        sender.wait_for(SOME)
        kafka.signal(signal.SIGSTOP)
        try:
            until(lambda: sender.answers["429"] > 0, "a sender is told to wait", within_s=60)
        finally:
            kafka.signal(signal.SIGCONT)
        sender.wait_for(SOME)
    found = {int(event.properties["n"]) for event in station.events(tenant)}

    assert set() == set(sender.acknowledged) - found
    assert {"200", "429"} == set(sender.answers)
    assert sender.slowest_s < 20


@pytest.mark.parametrize("path", ["/ready", "/metrics", "/openapi.json"])
def test_its_operator_can_ask_how_it_is(station: Station, path: str):
    """Ready for a balancer, counted for Prometheus, documented for people."""
    answer = httpx.get(f"{station.url}{path}")

    assert 200 == answer.status_code
    assert path != "/metrics" or "prox_events_received_total" in answer.text
