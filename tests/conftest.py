"""Markers by folder, real servers started once and when first asked for, names of their own for each test.

Variables, read by tests only: TEST_STACK is the `stack.json` of a running stack, used instead of starting one;
TEST_DATA is the folder of the public data sets.
"""

import os
import re
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from connectors.cassandra.config import CassandraConfig
from connectors.kafka.config import KafkaConfig
from infra.jvm import FIRST_COMPILER
from infra.stack import Part, Stack, signals
from infra.stack.flink import FlinkCluster
from tests.sealed import VARIABLE

ROOT = Path(__file__).parents[1]
TIERS = ("unit", "property", "contract", "integration", "e2e")


def pytest_configure() -> None:
    """Tests know no settings but those they make, and clean up after SIGTERM as after Ctrl-C."""
    for name in [name for name in os.environ if name.startswith("PROX_")]:
        del os.environ[name]
    signal.signal(signal.SIGTERM, signals.terminate)
    # of Flink's processes, which live for minutes here; the other servers do so by themselves
    os.environ["JVM_ARGS"] = FIRST_COMPILER
    # a machine that is busy with servers makes any example slow: a law is about values, not about time
    hypothesis.settings.register_profile("prox", deadline=None)
    hypothesis.settings.load_profile("prox")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's tier is its folder's; doctests, which lie in the source, are unit tests."""
    for item in items:
        tier = item.path.relative_to(ROOT).parts[1] if item.path.is_relative_to(ROOT / "tests") else "unit"
        if tier in TIERS:
            item.add_marker(tier)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the public data sets."""
    folder = Path(os.environ.get("TEST_DATA", ROOT.parent / "shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no data sets in {folder}: point TEST_DATA at them")
    return folder


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The servers of this run; the fixtures below start those that a test asks for."""
    announced = os.environ.get("TEST_STACK")
    run_dir = Path(announced).parent if announced else tmp_path_factory.mktemp("stack")
    with Stack(run_dir) as servers:
        yield servers


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """A name that no other test has: small letters, digits and underscores, 48 characters at most."""
    name = re.sub(r"[^a-z0-9]+", "_", request.node.name.lower())
    return f"t_{name[:36].strip('_')}_{secrets.token_hex(4)}"


@pytest.fixture
def kafka(stack: Stack, unique: str) -> KafkaConfig:
    """Kafka, with a topic prefix of the test's own; the test makes its topics."""
    stack.start(Part.KAFKA)
    return stack.kafka.model_copy(update={"topic_prefix": f"{unique}."})


@pytest.fixture
def registry(stack: Stack, unique: str) -> KafkaConfig:
    """The registry; the same configuration as `kafka` gives, so that subjects are the test's own too."""
    stack.start(Part.REGISTRY)
    return stack.kafka.model_copy(update={"topic_prefix": f"{unique}."})


@pytest.fixture
def cassandra(stack: Stack, unique: str) -> CassandraConfig:
    """Cassandra, with the name of a keyspace of the test's own, which the test's migration makes."""
    stack.start(Part.CASSANDRA)
    return stack.cassandra.model_copy(update={"keyspace": unique})


@pytest.fixture(scope="session")
def flink_cluster(stack: Stack) -> Iterator[FlinkCluster]:
    """One JobManager and two TaskManagers of one slot each, for the whole run; ask for `flink`."""
    with FlinkCluster(stack.run_dir, stack.addresses, task_managers=2, secrets=VARIABLE) as cluster:
        yield cluster


@pytest.fixture
def flink(flink_cluster: FlinkCluster) -> FlinkCluster:
    """The session cluster, whole: what an earlier test killed is there again."""
    flink_cluster.start()
    return flink_cluster
