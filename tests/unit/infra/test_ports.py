"""Ports are free, ours, and told about when they are not."""

import socket
import subprocess
import sys

import pytest

from infra.stack import ports
from schemas.errors import ConfigError
from tests.readme import ROOT


def test_free_ports_lie_outside_the_range_of_outgoing_connections() -> None:
    """A client that waits for a stopped server must not be given the server's port."""
    assert ports.free_port() < 32_768


def test_a_taken_port_is_refused_with_a_remedy() -> None:
    """One line: which port, of what, and what to do."""
    with socket.create_server((ports.LOOPBACK, 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(ConfigError, match=f"port {port} of kafka is taken by .*: stop it, or move"):
            ports.require_free(port, "kafka", "move")


def test_a_chosen_port_is_not_chosen_again() -> None:
    """Ports that are chosen but not yet used do not collide."""
    allowed = 20_007
    taken = set(range(ports.FIRST, ports.LAST)) - {allowed}

    assert allowed == ports.free_port(taken)


def test_a_port_that_another_process_was_given_is_not_given_again() -> None:
    """Two runs side by side do not meet on a port that neither uses yet."""
    program = "import sys; from infra.stack import ports; print(ports.free_port(), flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        taken = set(range(ports.FIRST, ports.LAST)) - {port}

        assert ports.is_free(port)
        with pytest.raises(ConfigError, match="no free port"):
            ports.free_port(taken)
        other.communicate()

    assert port == ports.free_port(taken)
