"""A venv for each framework that ProX is compared with, from requirements pinned beside the runners."""

import subprocess
from pathlib import Path

from rich.console import Console

from schemas.errors import ConfigError

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools/uv/bin/uv"
PYTHON = ROOT / ".venv/bin/python"


def python_of(name: str, console: Console) -> Path:
    """The interpreter of a framework's venv; made, or brought up to date, if its requirements have changed.

    Raises
    ------
    ConfigError
        The packages could not be installed.
    """
    requirements = Path(__file__).parent / f"runners/{name}.txt"
    home = ROOT / ".tools/bench" / name
    python, stamp = home / "bin/python", home / ".installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == requirements.read_text(encoding="utf-8"):
        return python
    with console.status(f"installing {name} into {home.relative_to(ROOT)}"):
        if not python.exists():
            _uv("venv", "--python", str(PYTHON), str(home))
        _uv("pip", "sync", "--python", str(python), str(requirements))
    stamp.write_text(requirements.read_text(encoding="utf-8"), encoding="utf-8")
    return python


def _uv(*args: str) -> None:
    done = subprocess.run([UV, "--quiet", *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"uv {' '.join(args[:2])} failed: {done.stderr.strip()[-500:]}; check the network and try again")
