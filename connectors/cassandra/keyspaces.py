"""Keyspaces as wholes: which there are, and away with them."""

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.errors import translated

DROPPED_WITHIN_S = 60.0


def remove_keyspaces(config: CassandraConfig, prefix: str) -> list[str]:
    """Drop every keyspace whose name begins so, with all its rows.

    Parameters
    ----------
    config
        Where Cassandra is; its own keyspace is not looked at.
    prefix
        Not empty: everything would go.

    Returns
    -------
    The names of the keyspaces that are gone.

    Raises
    ------
    RetriableError
        Cassandra is away.
    """
    if not prefix:
        raise ValueError("a prefix is needed: without one, everything would go")
    with CassandraClient(config, has_keyspace=False, request_timeout_s=DROPPED_WITHIN_S) as client, translated("drop keyspaces"):
        session = client.session()
        found = [row.keyspace_name for row in session.execute("SELECT keyspace_name FROM system_schema.keyspaces")]
        names = sorted(name for name in found if name.startswith(prefix))
        for name in names:
            session.execute(f'DROP KEYSPACE IF EXISTS "{name}"')
    return names
