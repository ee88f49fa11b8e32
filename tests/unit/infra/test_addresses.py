"""A run directory keeps its ports."""

from pathlib import Path

import pytest

from infra.settings import Settings
from infra.stack.addresses import FILE, Addresses
from schemas.errors import ConfigError


def test_a_run_directory_keeps_its_ports(tmp_path: Path) -> None:
    """The second time the same servers are found."""
    assert Addresses.of(tmp_path) == Addresses.of(tmp_path)


def test_no_two_servers_share_a_port(tmp_path: Path) -> None:
    """All ports of a run directory differ."""
    chosen = Addresses.of(tmp_path).model_dump().values()

    assert len(chosen) == len(set(chosen))


def test_settings_find_the_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables written for programs are the ones that Settings reads."""
    addresses = Addresses.of(tmp_path)
    for name, value in addresses.environment(tmp_path).items():
        monkeypatch.setenv(name, value)

    settings = Settings.from_environment()

    assert (addresses.kafka_config(), addresses.cassandra_config(), tmp_path) == (settings.kafka, settings.cassandra, settings.run_dir)


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    """One line that names the directory to remove."""
    (tmp_path / FILE).write_text("{", encoding="utf-8")

    with pytest.raises(ConfigError, match="stop the stack and remove"):
        Addresses.of(tmp_path)
