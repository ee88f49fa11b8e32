"""The jars of the stack: fetched once from one pom, each part in a folder of its own."""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from infra.stack import java
from schemas.errors import ConfigError

POM = Path(__file__).with_name("pom.xml")
CACHE = Path(__file__).parents[2] / ".tools/jars"
FREE_BYTES = 1_000_000_000
"""The jars are 250 MB, twice while they are copied, and Maven keeps its own."""

_DOWNLOADED = re.compile(r"Downloaded from .*\(([\d.]+) (B|kB|MB|GB) at")
_BYTES = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
OnBytes = Callable[[int], None]


class Part(StrEnum):
    """A folder of jars: a profile of the pom."""

    KAFKA = "kafka"
    REGISTRY = "registry"
    CASSANDRA = "cassandra"
    FLINK = "flink"


SIZES = {Part.KAFKA: 46_000_000, Part.REGISTRY: 120_000_000, Part.CASSANDRA: 70_000_000, Part.FLINK: 11_000_000}
"""About what Maven downloads, for the progress bar."""

GOALS = {Part.REGISTRY: "dependency:unpack"}
"""What fetches a part; every other is copied jar by jar."""


def folder(part: Part) -> Path:
    """Where a part's jars are: a changed pom gives another folder."""
    version = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    return CACHE / version / part.value


def is_fetched(part: Part) -> bool:
    """Whether a part is there, whole: its folder gets its name when the last jar is in it."""
    return folder(part).is_dir()


def fetch(part: Part, on_bytes: OnBytes = lambda _: None) -> Path:
    """The folder of a part's jars, downloaded if need be; several processes may ask at once.

    Raises
    ------
    ConfigError
        No Maven, no JDK, no space, or the download failed.
    """
    target = folder(part)
    if target.is_dir():
        return target
    with _lock(part):
        if not target.is_dir():  # else another process has just fetched it
            _fetch(part, target, on_bytes)
    return target


def _fetch(part: Part, target: Path, on_bytes: OnBytes) -> None:
    require_space(CACHE, FREE_BYTES)
    maven = shutil.which("mvn")
    if maven is None:
        raise ConfigError("Maven is missing: install it (apt-get install maven)")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"{part}.partial-") as partial:
        pom = shutil.copy(POM, partial)  # Maven leaves its markers beside the pom
        jars = Path(partial, "jars")
        goal = GOALS.get(part, "dependency:copy-dependencies")
        command = [maven, "-B", "-f", pom, "-P", part.value, goal, "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
        _run_maven(part, command, on_bytes)
        jars.rename(target)


def _run_maven(part: Part, command: list[str], on_bytes: OnBytes) -> None:
    env = {**os.environ, "JAVA_HOME": str(java.java_home())}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as maven:  # noqa: S603 - our own command
        assert maven.stdout is not None
        errors = []
        for line in maven.stdout:
            if match := _DOWNLOADED.search(line):
                on_bytes(round(float(match.group(1)) * _BYTES[match.group(2)]))
            elif "[ERROR]" in line:
                errors.append(line.replace("[ERROR]", "").strip())
    if maven.returncode != 0:
        reason = errors[0][:300] if errors else f"Maven ended with {maven.returncode}"
        if os.strerror(errno.ENOSPC) in reason:
            require_space(CACHE, FREE_BYTES)
        raise ConfigError(
            f"the jars of {part} could not be downloaded: {reason}; check the network (or the mirror in ~/.m2/settings.xml) and try again"
        )


def require_space(path: Path, needed: int) -> None:
    """Refuse to go on with a disk that will be full.

    Raises
    ------
    ConfigError
        Less than `needed` bytes are free where `path` is.
    """
    path.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path).free
    if free < needed:
        raise ConfigError(f"{free / 1e9:.1f} GB are free in {path}, {needed / 1e9:.1f} GB are needed: make room")


@contextlib.contextmanager
def _lock(part: Part) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{part}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
