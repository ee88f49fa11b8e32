"""Migrations: numbered CQL files, each applied once and recorded, whoever else is at it."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from string import Template

import stamina
from cassandra.cluster import Session

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.errors import translated
from schemas.errors import ConfigError, RetriableError

LOCK_TTL_S = 60
"""A migrator that died holds the others up for so long at most; one that lives renews the lock before each file."""

WAIT_S = 300.0

_TABLES = (
    "CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, checksum text, applied_at timestamp)",
    "CREATE TABLE IF NOT EXISTS schema_locks (name text PRIMARY KEY, owner text)",
)
_TAKE_LOCK = "INSERT INTO schema_locks (name, owner) VALUES ('migrations', %s) IF NOT EXISTS USING TTL %s"
_RENEW_LOCK = "UPDATE schema_locks USING TTL %s SET owner = %s WHERE name = 'migrations' IF owner = %s"
_DEFAULT_TTLS = "SELECT table_name, default_time_to_live FROM system_schema.tables WHERE keyspace_name = %s"


def migrate(config: CassandraConfig, directory: Path, ttls_s: Mapping[str, int]) -> list[str]:
    """Create the keyspace, apply the files that it lacks, in order, and give each table its retention.

    Parameters
    ----------
    config
        Where Cassandra is, and the keyspace.
    directory
        Holds `NNNN_name.cql`; every statement can be applied twice (`IF NOT EXISTS`), since a migrator may die in the middle of a file.
    ttls_s
        Table → seconds a row is kept, which stands in the files as `$table`. Tables that exist get it when the policy has changed.

    Returns
    -------
    The names of the files that were applied now.

    Raises
    ------
    ConfigError
        A file that was applied has changed since.
    RetriableError
        Cassandra is away, or another migrator was at it all the while.
    """
    with CassandraClient(config, has_keyspace=False, request_timeout_s=60.0) as client, translated(f"migrate keyspace {config.keyspace}"):
        session = client.session()
        session.execute(
            f"CREATE KEYSPACE IF NOT EXISTS {config.keyspace}"
            f" WITH replication = {{'class': 'NetworkTopologyStrategy', '{config.local_datacenter}': {config.replication}}}"
        )
        session.set_keyspace(config.keyspace)
        for table in _TABLES:
            session.execute(table)
        with _lock(session) as renew:
            applied = [path.name for path in sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.cql")) if _apply(session, path, ttls_s, renew)]
            _keep_for(session, config.keyspace, ttls_s)
    return applied


def statements_of(text: str, ttls_s: Mapping[str, int]) -> list[str]:
    """The statements of a CQL file: comments (`--` to the end of the line) left out, `$table` filled in, parted at `;`.

    Raises
    ------
    ConfigError
        A `$table` has no retention.
    """
    lines = (line.partition("--")[0].rstrip() for line in text.splitlines())
    try:
        filled = Template("\n".join(lines)).substitute(ttls_s)
    except KeyError as exc:
        raise ConfigError(f"the retention policy does not say how long {exc.args[0]} is kept") from exc
    return [statement.strip() for statement in filled.split(";") if statement.strip()]


def _apply(session: Session, path: Path, ttls_s: Mapping[str, int], renew: Callable[[], None]) -> bool:
    text = path.read_text(encoding="utf-8")
    checksum = sha256(text.encode()).hexdigest()
    known = session.execute("SELECT checksum FROM schema_migrations WHERE name = %s", (path.name,)).one()
    if known is not None:
        if known.checksum != checksum:
            raise ConfigError(f"migration {path.name} was applied and has changed since: restore the file, and put the change into a new one")
        return False
    for statement in statements_of(text, ttls_s):
        renew()
        session.execute(statement)
    session.execute("INSERT INTO schema_migrations (name, checksum, applied_at) VALUES (%s, %s, toTimestamp(now()))", (path.name, checksum))
    return True


def _keep_for(session: Session, keyspace: str, ttls_s: Mapping[str, int]) -> None:
    now = {row.table_name: row.default_time_to_live for row in session.execute(_DEFAULT_TTLS, (keyspace,))}
    missing = sorted(set(ttls_s) - set(now))
    if missing:
        raise ConfigError(f"the retention policy names tables that no migration makes: {', '.join(missing)}")
    for table, ttl_s in ttls_s.items():
        if now[table] != ttl_s:
            session.execute(f"ALTER TABLE {table} WITH default_time_to_live = {ttl_s}")


@contextmanager
def _lock(session: Session) -> Iterator[Callable[[], None]]:
    """Hold the only lock, by a lightweight transaction; yields a call that renews it."""
    owner = f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident()}"

    def take() -> None:
        held = session.execute(_TAKE_LOCK, (owner, LOCK_TTL_S)).one()
        if not held.applied and held.owner != owner:
            raise RetriableError(f"another migrator, {held.owner}, holds the lock: it is free at most {LOCK_TTL_S} s after its end")

    def renew() -> None:
        if not session.execute(_RENEW_LOCK, (LOCK_TTL_S, owner, owner)).one().applied:
            raise RetriableError("the migrations' lock ran out while a statement was applied: migrate again")

    for attempt in stamina.retry_context(on=RetriableError, attempts=None, timeout=WAIT_S, wait_initial=0.1, wait_max=1.0):
        with attempt:
            take()
    try:
        yield renew
    finally:
        session.execute("DELETE FROM schema_locks WHERE name = 'migrations' IF owner = %s", (owner,))
