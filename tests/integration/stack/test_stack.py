"""The local stack: servers answer, come back with their data, and are stopped by pid."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil

from infra.stack import Part, Stack
from infra.stack.addresses import Addresses
from infra.stack.process import read_pid_file


def test_a_restarted_registry_has_its_schemas(stack: Stack) -> None:
    """Schemas keep their ids over a restart, on the same port."""
    stack.start(Part.REGISTRY)
    url = f"{stack.kafka.registry_url}/subjects/kept-value/versions"
    first = httpx.post(url, json={"schema": '"string"'}).json()

    stack.restart(Part.REGISTRY)

    assert first == httpx.post(url, json={"schema": '"string"'}).json()


def test_a_server_that_runs_is_found_again(stack: Stack) -> None:
    """A second start of the same directory leaves the process alone, and does not stop it on leaving."""
    stack.start(Part.KAFKA)
    before = stack.services[Part.KAFKA].identity

    with Stack(stack.run_dir) as again:
        again.start(Part.KAFKA)

    assert before is not None
    assert before == stack.services[Part.KAFKA].identity


def test_a_killed_server_comes_back(tmp_path: Path) -> None:
    """After `kill -9` the same call starts a server anew."""
    # a Kafka of its own: all tests' topics are on the shared one, thousands of logs that it would read again
    with Stack(tmp_path) as stack:
        stack.start(Part.KAFKA)
        stack.kill(Part.KAFKA)

        assert not stack.services[Part.KAFKA].is_running
        stack.start(Part.KAFKA)
        assert stack.services[Part.KAFKA].spec.is_ready()


def test_an_interrupted_start_leaves_nothing_behind(tmp_path: Path) -> None:
    """SIGTERM while servers start: each that was started is stopped before the command ends."""
    Addresses.of(tmp_path)
    command = [sys.executable, "-m", "infra", "up"]
    up = subprocess.Popen(command, env={"PROX_RUN_DIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    pid_file = tmp_path / "pids/cassandra.json"
    while (cassandra := read_pid_file(pid_file)) is None:
        assert up.poll() is None

    up.send_signal(signal.SIGTERM)
    told, _ = up.communicate(timeout=120)

    assert "interrupted" in told
    assert not cassandra.is_running
    assert [] == [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])]
