"""What runs, as dead letters name it."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from infra.release import ROOT, release_of, with_release
from infra.settings import Settings

NUMBER = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.8.9"\n', encoding="utf-8")
    return tmp_path


def test_our_own_release_begins_with_our_version():
    """And names a commit, where this is a checkout."""
    assert re.fullmatch(re.escape(NUMBER) + r"(\+[0-9a-f]{7,40}(-dirty)?)?", with_release(Settings()).release)


def test_a_checkout_names_its_commit_and_whether_it_was_changed(copied: Path):
    """So that a dead letter leads to the code that gave up."""
    for args in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "one"]):
        subprocess.run(["git", *args], cwd=copied, check=True)
    clean = release_of(copied)
    (copied / "pyproject.toml").write_text('[project]\nversion = "7.9.0"\n', encoding="utf-8")

    assert re.fullmatch(r"7\.8\.9\+[0-9a-f]{7,40}", clean)
    assert f"{clean.replace('7.8.9', '7.9.0')}-dirty" == release_of(copied)


def test_a_copy_without_a_commit_names_its_version(copied: Path):
    """Nor does it name the commit of whatever folder it lies in."""
    (copied / "inner").mkdir()
    (copied / "pyproject.toml").rename(copied / "inner/pyproject.toml")
    subprocess.run(["git", "init", "-q"], cwd=copied, check=True)

    assert "7.8.9" == release_of(copied / "inner")


def test_what_was_set_stays():
    """Whoever builds images may name them."""
    assert "acme-7" == with_release(Settings(release="acme-7")).release


def test_a_release_is_never_empty(tmp_path: Path):
    """Without metadata of any kind it is unknown."""
    assert release_of(tmp_path)
