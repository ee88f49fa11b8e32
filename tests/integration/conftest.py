"""One keyspace for all tests that need tables and make none, empty at each one's start: that takes a moment, to make them takes seconds."""

import secrets

import pytest

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from infra.cassandra import prepare_keyspace
from infra.stack import Part, Stack


@pytest.fixture(scope="session")
def tables(stack: Stack) -> CassandraConfig:
    """A keyspace with all tables."""
    stack.start(Part.CASSANDRA)
    config = stack.cassandra.model_copy(update={"keyspace": f"t_tables_{secrets.token_hex(4)}"})
    prepare_keyspace(config)
    return config


@pytest.fixture
def migrated(tables: CassandraConfig) -> CassandraConfig:
    """All tables, with nothing in them: no row, and no mark of one that was deleted."""
    with CassandraClient(tables) as client:
        names = [row.table_name for row in client.rows("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", [tables.keyspace])]
        emptied = [client.session().execute_async(f"TRUNCATE {name}") for name in names if not name.startswith("schema_")]
        for table in emptied:
            table.result()
    return tables
