"""The tables of ProX: numbered migrations, and the one call that brings a keyspace up to date."""

from importlib.resources import as_file, files

from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.migrations import migrate
from infra.retention import POLICY, RetentionPolicy


def prepare_keyspace(config: CassandraConfig, policy: RetentionPolicy = POLICY) -> list[str]:
    """Create the keyspace, apply the migrations that it lacks and give every table its retention; say what was applied."""
    with as_file(files("infra.cassandra")) as directory:
        return migrate(config, directory, policy.table_ttls_s())
