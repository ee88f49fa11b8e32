"""Kafka: one broker that is its own controller."""

import socket
import struct
import subprocess
from pathlib import Path

from infra.jvm import FIRST_COMPILER
from infra.stack import jars, java, ports
from infra.stack.addresses import Addresses
from infra.stack.service import Spec
from schemas.errors import FatalError

CLUSTER_ID = "5L6g3nShT-eMCtK--X86sw"
MEMORY = ("-Xms512m", "-Xmx512m")
"""As much heap as it may have, from the start: else it collects instead of growing (`infra.jvm`)."""

METADATA, METADATA_VERSION = 3, 4
_REQUEST = struct.pack(">hhih", METADATA, METADATA_VERSION, 1, 4) + b"prox" + struct.pack(">i?", 0, False)
"""Metadata of no topic: which brokers are there."""
_BROKERS = struct.Struct(">iiii")
"""The head of its answer: length, correlation id, throttle time, number of brokers."""


def spec(addresses: Addresses, run_dir: Path) -> Spec:
    """How Kafka is started."""
    properties = run_dir / "kafka/server.properties"
    return Spec(
        name="kafka",
        command=lambda: [java.java(), *MEMORY, FIRST_COMPILER, "-cp", _classpath(), "kafka.Kafka", str(properties)],
        prepare=lambda: _prepare(addresses, properties),
        is_ready=lambda: _has_brokers(addresses.kafka),
        ports=[addresses.kafka, addresses.kafka_controller],
    )


def _classpath() -> str:
    return f"{jars.fetch(jars.Part.KAFKA)}/*"


def _prepare(addresses: Addresses, properties: Path) -> None:
    properties.parent.mkdir(parents=True, exist_ok=True)
    data = properties.parent / "data"
    properties.write_text(_properties(addresses, data), encoding="utf-8")
    if (data / "meta.properties").exists():
        return
    format_ = ["kafka.tools.StorageTool", "format", "--standalone", "-t", CLUSTER_ID, "-c", str(properties), "--ignore-formatted"]
    done = subprocess.run([java.java(), FIRST_COMPILER, "-cp", _classpath(), *format_], capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode != 0:
        raise FatalError(f"Kafka's directory {data} could not be formatted: {done.stderr.strip().splitlines()[-1:]}")


def _properties(addresses: Addresses, data: Path) -> str:
    broker = f"{ports.LOOPBACK}:{addresses.kafka}"
    controller = f"{ports.LOOPBACK}:{addresses.kafka_controller}"
    return f"""\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{broker},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{broker}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
# 50 by default, each a directory with open files
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# 3 and 8 by default, for machines with many cores
num.network.threads=1
num.io.threads=2
# Flink's exactly-once sink asks for an hour by default
transaction.max.timeout.ms=3600000
auto.create.topics.enable=false
# a record of 16 MB with its batch's frame; topics narrow it
message.max.bytes=18874368
socket.request.max.bytes=104857600
"""


def _has_brokers(port: int) -> bool:
    """Whether the broker tells of at least one broker, itself, that takes requests."""
    try:
        with socket.create_connection((ports.LOOPBACK, port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(_REQUEST)) + _REQUEST)
            answer = connection.recv(_BROKERS.size, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == _BROKERS.size and bool(_BROKERS.unpack(answer)[3] >= 1)
