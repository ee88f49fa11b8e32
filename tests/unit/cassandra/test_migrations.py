from importlib.resources import files

import pytest

from connectors.cassandra.migrations import statements_of
from infra.retention import POLICY
from schemas.errors import ConfigError


def test_a_file_is_parted_into_statements_without_comments():
    """Comments may hold anything but are no statements."""
    text = "-- why; because\nCREATE TABLE a (b int); -- more\n\nCREATE TABLE c (\n  d int\n);\n"

    assert ["CREATE TABLE a (b int)", "CREATE TABLE c (\n  d int\n)"] == statements_of(text, {})


def test_every_table_that_grows_has_a_retention():
    """A table that a migration makes and the policy forgets would grow for ever."""
    texts = [entry.read_text(encoding="utf-8") for entry in files("infra.cassandra").iterdir() if entry.name.endswith(".cql")]
    tables = {
        statement.split()[5] for text in texts for statement in statements_of(text, POLICY.table_ttls_s()) if statement.startswith("CREATE TABLE")
    }

    assert {"bands_by_tenant", "cursors_by_tenant"} == tables - set(POLICY.table_days)
    assert set() == set(POLICY.table_days) - tables


def test_a_table_says_its_retention_where_it_is_made():
    """What is filled in comes from the policy, and a table that it forgets is refused."""
    text = "CREATE TABLE a (b int) WITH default_time_to_live = $a;"

    assert ["CREATE TABLE a (b int) WITH default_time_to_live = 60"] == statements_of(text, {"a": 60})
    with pytest.raises(ConfigError, match="how long a is kept"):
        statements_of(text, {})
