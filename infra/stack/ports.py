"""Free ports on loopback, outside the range that outgoing connections use."""

import random
import socket
from collections.abc import Collection

import psutil

from schemas.errors import ConfigError

LOOPBACK = "127.0.0.1"
FIRST, LAST = 20_000, 32_000
"""Below Linux's ephemeral range (32768 and up): there a client that waits for its server may be given the server's own port,
connect to itself and keep the server from coming back."""


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of loopback, now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(taken: Collection[int] = ()) -> int:
    """A free port that is not among `taken`, and that no other process is given as long as this one runs.

    Flink's ports are chosen with those of the servers and used minutes later: two runs side by side would meet on one now and then.

    Raises
    ------
    ConfigError
        None is free.
    """
    candidates = list(range(FIRST, LAST))
    random.shuffle(candidates)
    for port in candidates:
        if port not in taken and is_free(port) and _claim(port):
            return port
    raise ConfigError(f"no free port between {FIRST} and {LAST}: stop what uses them")


def _claim(port: int) -> bool:
    """Whether it is ours until this process ends: by the UDP port of its number, which no server here uses and which leaves no file behind."""
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind((LOOPBACK, port))
    except OSError:
        claim.close()
        return False
    claim.detach()  # it stays open: nobody closes it but the end of this process
    return True


def holder(port: int) -> str:
    """Who listens on a port, for a message: `pid 123 (java)`, or `another process`."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"pid {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass  # without rights over other users' processes the message is shorter
    return "another process"


def require_free(port: int, service: str, remedy: str) -> None:
    """Refuse to start on a port that somebody else holds.

    Raises
    ------
    ConfigError
        Naming the port, its holder and the remedy.
    """
    if not is_free(port):
        raise ConfigError(f"port {port} of {service} is taken by {holder(port)}: stop it, or {remedy}")
