"""The collector's speed beside the floor: the same server that parses the JSON and answers 200. And its memory when more comes than it can take."""

import asyncio
import base64
import json
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from rich.console import Console

from connectors.kafka.admin import ensure_topics
from connectors.kafka.config import KafkaConfig
from connectors.kafka.lag import lag
from connectors.kafka.registry import Registry
from infra.retention import POLICY
from infra.stack import Part, Stack, ports, process
from schemas.topics import Topic
from tests.bench import running
from tests.collector import SECRET, Station, until_answers

SIZES = (1, 100)
ROUNDS = 5
"""Floor and collector in turn, so that what else the machine does meets both."""
CONNECTIONS = {1: 128, 100: 64}
"""Each waits for its answer, so fewer would measure how long Kafka takes, and requests to it that hold one record each."""
OVERLOAD_CONNECTIONS = 256
SAMPLE_S = 0.5
SMALL_QUEUE_BYTES = 4_194_304
"""A sixteenth of the default, and less than half of what so many connections send at once: the bound is reached."""
MAPPED_EVENTS = 400_000
"""Of the job's run at most."""
QUOTA = "events_per_s = 1000000000.0\nburst = 1000000000\n"


class Rate(NamedTuple):
    """One server at one size of batch. `per_core` is by the processor time that it took, which other programs do not change."""

    events_per_s: float
    per_core: float
    p50_ms: float
    p99_ms: float
    statuses: dict[int, int]


class Answers(NamedTuple):
    """What a load was answered."""

    took_s: list[float]
    statuses: Counter[int]
    retry_after: set[str]


class Mapped(NamedTuple):
    """What `map_requests` did with whole requests of a hundred events; `per_core` is by the processor time of its process, JVM included."""

    events_per_s: float
    per_core: float


class Overload(NamedTuple):
    """What a collector did that was sent more than it can take, while Kafka stood still for a part of the time.

    `retry_after` are the values of that header in all refusals; `lost` requests that were answered with 200 and are not in Kafka; memory in
    megabytes.
    """

    seconds: float
    stood_still_s: float
    accepted_per_s: float
    statuses: dict[int, int]
    retry_after: list[str]
    lost: int
    memory_mb: list[float]


class Found(NamedTuple):
    """Rates by (server, batch), the processor time of an event in the job that reads whole requests, and the overload."""

    rates: dict[tuple[str, int], Rate]
    mapped: Mapped
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
                servers = {"floor": (floor_pid, floor_port), "collector": (station.identity.pid, station.port)}
                for size in SIZES:
                    with console.status(f"floor and collector in turn, batches of {size}"):
                        rates |= _rates(servers, key, size, seconds)
        finally:
            station.stop()
        with console.status("map_requests"):
            mapped = _mapped(stack, config)
        small = Station(Path(folder) / "small", config, more=QUOTA, PROX_COLLECTOR__QUEUE_BYTES=str(SMALL_QUEUE_BYTES))
        try:
            _, key = small.take_key()
            with console.status(f"more than it can take, for {overload_s:.0f} s"):
                overload = _overload(small, stack, key, overload_s)
        finally:
            small.stop()
    return Found(rates, mapped, overload)


@contextmanager
def _floor(folder: Path) -> Iterator[tuple[int, int]]:
    port = ports.free_port()
    identity = process.spawn([sys.executable, "-m", "tests.bench.floor", str(port)], log=folder / "floor.log", env={})
    try:
        until_answers(f"http://{ports.LOOPBACK}:{port}/", identity, folder / "floor.log")
        yield identity.pid, port
    finally:
        identity.stop(10.0)


def _rates(servers: Mapping[str, tuple[int, int]], key: str, size: int, seconds: float) -> dict[tuple[str, int], Rate]:
    measured: dict[str, list[_Measured]] = {name: [] for name in servers}
    for _, port in servers.values():
        _load(port, key, size, CONNECTIONS[size], min(2.0, seconds))
    for _ in range(ROUNDS):
        for name, (pid, port) in servers.items():
            cpu, began = _cpu_s(pid), time.monotonic()
            answers = _load(port, key, size, CONNECTIONS[size], seconds / ROUNDS)
            measured[name].append(_Measured(answers, time.monotonic() - began, _cpu_s(pid) - cpu))
    return {(name, size): _rate(parts, size) for name, parts in measured.items()}


class _Measured(NamedTuple):
    answers: Answers
    wall_s: float
    cpu_s: float


def _rate(parts: Sequence[_Measured], size: int) -> Rate:
    statuses = sum((part.answers.statuses for part in parts), Counter())
    events = size * statuses[200]
    took = [took_s for part in parts for took_s in part.answers.took_s]
    p50, p99 = (float(value) for value in np.percentile(took, (50, 99)) * 1_000)
    return Rate(events / sum(part.wall_s for part in parts), events / sum(part.cpu_s for part in parts), p50, p99, dict(statuses))


def _mapped(stack: Stack, config: KafkaConfig) -> Mapped:
    """From the process's start: its first part is left out, as the JVM compiles then."""
    before = lag(config, "nobody", Topic.EVENTS_RECEIVED)
    total = min(MAPPED_EVENTS, 100 * lag(config, "nobody", Topic.REQUESTS_RECEIVED))
    env = {
        **running.jvm_environment(stack.run_dir),
        **stack.addresses.environment(stack.run_dir),
        "PROX_KAFKA__TOPIC_PREFIX": config.topic_prefix,
        "PROX_FLINK__CHECKPOINT_DIR": (stack.run_dir / "checkpoints").as_uri(),
        "PROX_PSEUDONYM_KEY": SECRET.decode(),
    }
    began = time.monotonic()
    times: list[float] = []
    history = running.run(
        [sys.executable, "-m", "jobs", "map_requests", "--local"],
        env=env,
        log=stack.run_dir / "logs/collector-map_requests.log",
        total=total,
        count=lambda: lag(config, "nobody", Topic.EVENTS_RECEIVED) - before,
        show=lambda _: times.append(time.monotonic() - began),
    )
    inner = [n for n, progress in enumerate(history) if progress.scores >= total // 4]
    first, last = inner[0], inner[-1]
    events = history[last].scores - history[first].scores
    return Mapped(events / (times[last - 1] - times[first - 1]), 1e6 / running.cpu_us_per_score(history, history[first].scores, history[last].scores))


def _overload(station: Station, stack: Stack, key: str, seconds: float) -> Overload:
    kafka = stack.services[Part.KAFKA].identity
    assert kafka is not None
    memory: list[float] = []
    is_over = threading.Event()
    stands_still_s = seconds / 4

    def watch() -> None:
        watched = psutil.Process(station.identity.pid)
        while not is_over.wait(SAMPLE_S):
            memory.append(watched.memory_info().rss / 1e6)

    def hold() -> None:
        if is_over.wait(seconds / 3):
            return
        kafka.signal(signal.SIGSTOP)
        try:
            is_over.wait(stands_still_s)
        finally:
            kafka.signal(signal.SIGCONT)

    threads = [threading.Thread(target=work) for work in (watch, hold)]
    before = _requests_in_kafka(station)
    for thread in threads:
        thread.start()
    began = time.monotonic()
    try:
        answers = _load(station.port, key, 100, OVERLOAD_CONNECTIONS, seconds)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    took = time.monotonic() - began
    accepted = answers.statuses[200]
    lost = max(0, accepted - (_requests_in_kafka(station) - before))
    return Overload(took, stands_still_s, 100 * accepted / took, dict(answers.statuses), sorted(answers.retry_after), lost, memory)


def _requests_in_kafka(station: Station) -> int:
    return lag(station.kafka, "nobody", Topic.REQUESTS_RECEIVED)


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _load(port: int, key: str, size: int, connections: int, seconds: float) -> Answers:
    return asyncio.run(_loaded(port, key, size, connections, seconds))


async def _loaded(port: int, key: str, size: int, connections: int, seconds: float) -> Answers:
    """Each connection sends its next request when it has the answer to the one before, whatever that tells it."""
    answers = Answers([], Counter(), set())
    until_s = time.monotonic() + seconds

    async def send() -> None:
        reader, writer = await asyncio.open_connection(ports.LOOPBACK, port)
        requests = [_request(key, size) for _ in range(4)]
        n = 0
        while time.monotonic() < until_s:
            began = time.perf_counter()
            writer.write(requests[n % len(requests)])
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(_header(head, b"content-length")))
            answers.took_s.append(time.perf_counter() - began)
            status = int(head[9:12])
            answers.statuses[status] += 1
            if status != 200:
                answers.retry_after.add(_header(head, b"retry-after"))
            n += 1
        writer.close()

    await asyncio.gather(*(send() for _ in range(connections)))
    return answers


def _header(head: bytes, name: bytes) -> str:
    return head.partition(name + b": ")[2].partition(b"\r\n")[0].decode()


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
