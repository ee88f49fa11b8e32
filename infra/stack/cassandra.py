"""Cassandra: one node, with its data in the run directory."""

import socket
import struct
from pathlib import Path

from infra.jvm import FIRST_COMPILER
from infra.priority import giving_way
from infra.stack import jars, java, ports
from infra.stack.addresses import Addresses
from infra.stack.service import Spec

MEMORY = ("-Xms1g", "-Xmx1g", "-Xss512k")
"""As much heap as it may have, from the start: else it collects instead of growing (`infra.jvm`)."""

_EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.management/com.sun.jmx.remote.security",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.attach/sun.tools.attach",
)
_OPENS = (
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "jdk.management/com.sun.management.internal",
    "jdk.compiler/com.sun.tools.javac",
)
"""What Cassandra's own `jvm17-server.options` opens to it."""

_OPTIONS = struct.pack(">BBhBi", 4, 0, 0, 5, 0)
"""The native protocol's OPTIONS, version 4."""
_SUPPORTED = 6
"""The opcode of its answer."""


def spec(addresses: Addresses, run_dir: Path) -> Spec:
    """How Cassandra is started."""
    home = run_dir / "cassandra"
    return Spec(
        name="cassandra",
        command=lambda: giving_way(
            [
                java.java(),
                *MEMORY,
                FIRST_COMPILER,
                *_options(home),
                "-cp",
                f"{jars.fetch(jars.Part.CASSANDRA)}/*",
                "org.apache.cassandra.service.CassandraDaemon",
            ]
        ),
        prepare=lambda: _prepare(addresses, home),
        is_ready=lambda: _speaks(addresses.cassandra),
        ports=[addresses.cassandra, addresses.cassandra_storage],
    )


def _options(home: Path) -> list[str]:
    return [
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Djdk.attach.allowAttachSelf=true",
        *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS),
        *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS),
        f"-Dcassandra.config={(home / 'cassandra.yaml').as_uri()}",
        f"-Dcassandra.storagedir={home}",
        f"-Dcassandra.logdir={home.parent / 'logs'}",
        "-Dcassandra-foreground=yes",
        # there is nobody to gossip with: do not wait
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        "-Dcassandra.ring_delay_ms=100",
    ]


def _prepare(addresses: Addresses, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "cassandra.yaml").write_text(_yaml(addresses, home), encoding="utf-8")


def _yaml(addresses: Addresses, home: Path) -> str:
    return f"""\
cluster_name: prox
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "{ports.LOOPBACK}:{addresses.cassandra_storage}"}}]
listen_address: {ports.LOOPBACK}
rpc_address: {ports.LOOPBACK}
native_transport_port: {addresses.cassandra}
storage_port: {addresses.cassandra_storage}
endpoint_snitch: SimpleSnitch
commitlog_sync: periodic
commitlog_sync_period: 10000ms
data_file_directories: [{home}/data]
commitlog_directory: {home}/commitlog
saved_caches_directory: {home}/saved_caches
hints_directory: {home}/hints
cdc_raw_directory: {home}/cdc
num_tokens: 4
auto_snapshot: false
authenticator: AllowAllAuthenticator
# two cores do everything here: be slow rather than fail
write_request_timeout: 10000ms
# one node holds every partition: requests for several of them are as good as requests for one (see CassandraConfig.request_bytes)
batch_size_warn_threshold: 40KiB
read_request_timeout: 10000ms
"""


def _speaks(port: int) -> bool:
    """Whether Cassandra answers a request of its native protocol, which it opens when the node has joined."""
    try:
        with socket.create_connection((ports.LOOPBACK, port), timeout=2) as connection:
            connection.sendall(_OPTIONS)
            answer = connection.recv(9, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 9 and answer[4] == _SUPPORTED
