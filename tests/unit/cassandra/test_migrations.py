from importlib.resources import files

from connectors.cassandra.migrations import statements_of
from infra.retention import POLICY


def test_a_file_is_parted_into_statements_without_comments():
    """Comments may hold anything but are no statements."""
    text = "-- why; because\nCREATE TABLE a (b int); -- more\n\nCREATE TABLE c (\n  d int\n);\n"

    assert ["CREATE TABLE a (b int)", "CREATE TABLE c (\n  d int\n)"] == statements_of(text)


def test_every_table_but_the_index_of_bands_has_a_retention():
    """A table that a migration makes and the policy forgets would grow for ever."""
    texts = [entry.read_text(encoding="utf-8") for entry in files("infra.cassandra").iterdir() if entry.name.endswith(".cql")]
    tables = {statement.split()[5] for text in texts for statement in statements_of(text) if statement.startswith("CREATE TABLE")}

    assert {"bands_by_tenant"} == tables - set(POLICY.table_days)
    assert set() == set(POLICY.table_days) - tables
