"""The collector's speed beside the floor: the same server that parses the JSON and answers 200. And its memory when more comes than it can take."""

import asyncio
import base64
import json
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from rich.console import Console

from connectors.kafka.admin import ensure_topics
from connectors.kafka.registry import Registry
from infra.retention import POLICY
from infra.stack import Stack, ports, process
from schemas.topics import Topic
from tests.collector import Station, until_answers

SIZES = (1, 100)
CONNECTIONS = {1: 32, 100: 8}
OVERLOAD_CONNECTIONS = 256
SAMPLE_S = 0.5
QUOTA = "events_per_s = 1000000000.0\nburst = 1000000000\n"


class Rate(NamedTuple):
    """One server at one size of batch. `per_core` is by the processor time that it took, which other programs do not change."""

    events_per_s: float
    per_core: float
    p50_ms: float
    p99_ms: float
    statuses: dict[int, int]


class Overload(NamedTuple):
    """What a collector did that was sent more than it can take; memory in megabytes."""

    seconds: float
    accepted_per_s: float
    statuses: dict[int, int]
    memory_mb: list[float]


class Found(NamedTuple):
    """Rates by (server, batch), and the overload."""

    rates: dict[tuple[str, int], Rate]
    overload: Overload


def measure(stack: Stack, console: Console, *, seconds: float, overload_s: float) -> Found:
    """Measure on a running Kafka and registry."""
    config = stack.kafka.model_copy(update={"topic_prefix": "bench_collector."})
    keep = POLICY.for_replays()
    ensure_topics(config, {topic: keep.topic_ms(topic) for topic in Topic})
    Registry(config).register_all()
    rates: dict[tuple[str, int], Rate] = {}
    with tempfile.TemporaryDirectory(prefix="prox-bench-") as folder:
        station = Station(Path(folder), config, more=QUOTA)
        try:
            _, key = station.take_key()
            with _floor(Path(folder)) as (floor_pid, floor_port):
                for size in SIZES:
                    for name, pid, port in (("floor", floor_pid, floor_port), ("collector", station.identity.pid, station.port)):
                        with console.status(f"{name}, batches of {size}"):
                            _load(port, key, size, CONNECTIONS[size], min(2.0, seconds))
                            rates[name, size] = _rate(pid, port, key, size, seconds)
            with console.status(f"more than it can take, for {overload_s:.0f} s"):
                overload = _overload(station.identity.pid, station.port, key, overload_s)
        finally:
            station.stop()
    return Found(rates, overload)


@contextmanager
def _floor(folder: Path) -> Iterator[tuple[int, int]]:
    port = ports.free_port()
    identity = process.spawn([sys.executable, "-m", "tests.bench.floor", str(port)], log=folder / "floor.log", env={})
    try:
        until_answers(f"http://{ports.LOOPBACK}:{port}/", identity, folder / "floor.log")
        yield identity.pid, port
    finally:
        identity.stop(10.0)


def _rate(pid: int, port: int, key: str, size: int, seconds: float) -> Rate:
    before = _cpu_s(pid)
    began = time.monotonic()
    took, statuses = _load(port, key, size, CONNECTIONS[size], seconds)
    wall, cpu = time.monotonic() - began, _cpu_s(pid) - before
    events = size * statuses[200]
    p50, p99 = (float(value) for value in np.percentile(took, (50, 99)) * 1_000)
    return Rate(events / wall, events / cpu, p50, p99, dict(statuses))


def _overload(pid: int, port: int, key: str, seconds: float) -> Overload:
    memory: list[float] = []
    is_over = threading.Event()

    def watch() -> None:
        watched = psutil.Process(pid)
        while not is_over.wait(SAMPLE_S):
            memory.append(watched.memory_info().rss / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    try:
        _, statuses = _load(port, key, 100, OVERLOAD_CONNECTIONS, seconds)
    finally:
        is_over.set()
        watcher.join()
    took = time.monotonic() - began
    return Overload(took, 100 * statuses[200] / took, dict(statuses), memory)


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _load(port: int, key: str, size: int, connections: int, seconds: float) -> tuple[list[float], Counter[int]]:
    return asyncio.run(_loaded(port, key, size, connections, seconds))


async def _loaded(port: int, key: str, size: int, connections: int, seconds: float) -> tuple[list[float], Counter[int]]:
    """Each connection sends its next request when it has the answer to the one before."""
    took: list[float] = []
    statuses: Counter[int] = Counter()
    until_s = time.monotonic() + seconds

    async def send() -> None:
        reader, writer = await asyncio.open_connection(ports.LOOPBACK, port)
        requests = [_request(key, size) for _ in range(4)]
        n = 0
        while time.monotonic() < until_s:
            began = time.perf_counter()
            writer.write(requests[n % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            took.append(time.perf_counter() - began)
            statuses[int(head[9:12])] += 1
            n += 1
        writer.close()

    await asyncio.gather(*(send() for _ in range(connections)))
    return took, statuses


def _request(key: str, size: int) -> bytes:
    """What Segment's Python SDK sends, with its headers."""
    events = [
        {
            "integrations": {},
            "anonymousId": None,
            "properties": {"plan": "pro", "seats": n % 40, "amount": 12.5 * n, "path": "/prices"},
            "timestamp": "2026-03-02T09:00:00.123456+00:00",
            "userId": f"user-{secrets.token_hex(4)}",
            "type": "track",
            "event": "Order Completed",
            "messageId": secrets.token_hex(16),
            "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        }
        for n in range(size)
    ]
    body = json.dumps({"batch": events, "sentAt": "2026-03-02T09:00:01.000000+00:00", "writeKey": key}).encode()
    credentials = base64.b64encode(f"{key}:".encode()).decode()
    head = f"POST /v1/batch HTTP/1.1\r\nHost: {ports.LOOPBACK}\r\nAuthorization: Basic {credentials}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
