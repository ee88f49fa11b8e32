"""The JDK that everything of the stack runs on."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from schemas.errors import ConfigError

VERSION = 17
"""Cassandra 5 runs on 11 and 17, Kafka 4 on 17 and later, so it is 17."""
REMEDY = f"install it (apt-get install openjdk-{VERSION}-jdk-headless) or point JAVA_HOME at it"


@cache
def java_home() -> Path:
    """The home of a JDK 17: JAVA_HOME, else the one on the PATH, else one where Linux distributions put them.

    Raises
    ------
    ConfigError
        There is none, saying what was found instead.
    """
    found: list[str] = []
    for candidate in _candidates():
        version = _major_version(candidate / "bin/java")
        if version == VERSION:
            return candidate
        if version is not None:
            found.append(f"{version} in {candidate}")
    instead = f"; found Java {', '.join(found)}" if found else ""
    raise ConfigError(f"JDK {VERSION} is missing{instead}: {REMEDY}")


def java() -> str:
    """The `java` of that JDK."""
    return str(java_home() / "bin/java")


def _candidates() -> list[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parent.parent)
    homes += sorted(Path("/usr/lib/jvm").glob(f"*{VERSION}*"))
    return [home for home in dict.fromkeys(homes) if (home / "bin/java").exists()]


def _major_version(executable: Path) -> int | None:
    told = subprocess.run([str(executable), "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - a path of a JDK
    match = re.search(r'version "(\d+)', told.stderr)
    return int(match.group(1)) if match else None
