"""Which release of ProX runs: its version, and the commit where there is one."""

import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from infra.settings import Settings

ROOT = Path(__file__).parents[1]
GIT = ("git", "describe", "--always", "--dirty", "--exclude=*")
GIT_TIMEOUT_S = 5.0


def with_release(settings: Settings, root: Path = ROOT) -> Settings:
    """The settings with `release` filled in, if nobody set it.

    Parameters
    ----------
    settings
        Of the program that deploys: what it finds travels with the jobs.
    root
        Where the packages are: a checkout, or the folder that a wheel was installed into.
    """
    return settings if settings.release else settings.model_copy(update={"release": release_of(root)})


def release_of(root: Path) -> str:
    """`0.1.0+44ce8d0` of a checkout, `0.1.0` of an installed wheel; `-dirty` at the end: with changes that are not committed."""
    project = root / "pyproject.toml"
    if not project.exists():
        return _installed()
    number = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    commit = _commit(root)
    return f"{number}+{commit}" if commit else str(number)


def _installed() -> str:
    try:
        return version("prox")
    except PackageNotFoundError:
        return "unknown"


def _commit(root: Path) -> str:
    if not (root / ".git").exists():  # else git would name the commit of whatever the folder lies in
        return ""
    try:
        told = subprocess.run([*GIT], cwd=root, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=False)  # noqa: S603 - our own arguments
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""
