from collections.abc import Iterator

import pytest

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.writer import ResultsWriter


@pytest.fixture
def writer(migrated: CassandraConfig) -> Iterator[ResultsWriter]:
    with ResultsWriter(migrated) as writing:
        yield writing


@pytest.fixture
def client(migrated: CassandraConfig) -> Iterator[CassandraClient]:
    with CassandraClient(migrated) as reading:
        yield reading
