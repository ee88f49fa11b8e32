"""Jars are whole or not there."""

from pathlib import Path

import pytest

from infra.stack import jars
from schemas.errors import ConfigError


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """How much is free, where, and how much is needed."""
    with pytest.raises(ConfigError, match=r"GB are free in .*: make room"):
        jars.require_space(tmp_path, 10**18)


def test_every_version_is_pinned() -> None:
    """No range, no LATEST, no SNAPSHOT: a build of next year fetches the same jars."""
    pom = jars.POM.read_text(encoding="utf-8")

    assert not [word for word in ("LATEST", "RELEASE", "SNAPSHOT", "<version>[") if word in pom]
