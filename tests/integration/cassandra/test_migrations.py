from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import infra.cassandra
from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.migrations import migrate
from infra.cassandra import prepare_keyspace
from infra.retention import POLICY
from schemas.errors import ConfigError, ProxError

FOLDER = Path(infra.cassandra.__path__[0])
TTLS = "SELECT table_name, default_time_to_live FROM system_schema.tables WHERE keyspace_name = ?"


def _files(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name[1:]}.cql").write_text(text)
    return folder


def test_migrations_are_applied_once_and_tables_have_their_retention(cassandra: CassandraConfig):
    """The second time there is nothing to do; every table expires as the policy says."""
    first, second = prepare_keyspace(cassandra), prepare_keyspace(cassandra)

    with CassandraClient(cassandra) as client:
        ttls = {row.table_name: row.default_time_to_live for row in client.rows(TTLS, (cassandra.keyspace,))}
    assert (sorted(path.name for path in FOLDER.glob("*.cql")), []) == (first, second)
    assert POLICY.table_ttls_s() == {table: ttl for table, ttl in ttls.items() if ttl}


def test_a_file_that_changed_after_it_was_applied_is_refused(cassandra: CassandraConfig, tmp_path: Path):
    """The error names the file and says what to do; nothing is applied."""
    migrate(cassandra, _files(tmp_path, _0001_a="CREATE TABLE IF NOT EXISTS a (b int PRIMARY KEY);"), {"a": 60})
    _files(tmp_path, _0001_a="CREATE TABLE IF NOT EXISTS a (b text PRIMARY KEY);", _0002_c="CREATE TABLE IF NOT EXISTS c (d int PRIMARY KEY);")

    with pytest.raises(ConfigError, match=r"0001_a\.cql was applied and has changed"):
        migrate(cassandra, tmp_path, {"a": 60})


def test_a_retention_for_a_table_that_does_not_exist_is_refused(cassandra: CassandraConfig, tmp_path: Path):
    """A misspelt table would otherwise be kept for ever."""
    with pytest.raises(ConfigError, match="nothing_by_lead"):
        migrate(cassandra, tmp_path, {"nothing_by_lead": 60})


def test_two_migrators_at_once_apply_each_file_once(cassandra: CassandraConfig, tmp_path: Path):
    """One waits for the other, then finds nothing to do."""
    _files(tmp_path, **{f"_000{n}_t": f"CREATE TABLE IF NOT EXISTS t{n} (a int PRIMARY KEY);" for n in range(1, 4)})

    with ThreadPoolExecutor(2) as pool:
        applied = list(pool.map(lambda _: migrate(cassandra, tmp_path, {}), range(2)))

    assert ["0001_t.cql", "0002_t.cql", "0003_t.cql"] == sorted(name for names in applied for name in names)


def test_a_statement_that_is_wrong_names_itself(cassandra: CassandraConfig, tmp_path: Path):
    """No exception of the driver gets out, and the lock is free again."""
    with pytest.raises(ProxError, match="migrate keyspace"):
        migrate(cassandra, _files(tmp_path, _0001_a="CREATE TABBLE a (b int PRIMARY KEY);"), {})

    assert ["0001_a.cql"] == migrate(cassandra, _files(tmp_path, _0001_a="CREATE TABLE IF NOT EXISTS a (b int PRIMARY KEY);"), {})
