"""Where and with what the figures were measured."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.bench.venvs import ROOT


class Machine(NamedTuple):
    """What a figure is worth nothing without. `load` is the load average of the minute before."""

    processor: str
    cores: int
    memory_gb: float
    load: float
    date: str
    commit: str
    python: str
    flink: str


def describe() -> Machine:
    """This machine, now."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        load=round(os.getloadavg()[0], 1),
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z",  # noqa: TID251 - an entry point: figures are dated
        commit=_commit(),
        python=platform.python_version(),
        flink=version("apache-flink"),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return told or "none"
