"""The analytics SDKs that drive the collector in tests, unmodified: installed beside the other tools when first asked for."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

CLIENTS = ROOT / "tests/clients"
TOOLS = ROOT / ".tools/clients"
UV = ROOT / ".tools/uv/bin/uv"
PYTHON = ROOT / ".venv/bin/python"
PINNED = {
    "segment-2.3.4": "segment-analytics-python==2.3.4",
    "segment-2.4.0": "segment-analytics-python==2.4.0",
    "rudder": "rudder-sdk-python==2.1.9",
    "snowplow": "snowplow-tracker==1.1.0",
}
INSTALLED_WITHIN_S = 300.0
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def python_sdk(name: str) -> Path:
    """The folder of a Python SDK and what it needs, apart from everybody else's."""
    folder = TOOLS / name
    stamp = folder / ".installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != PINNED[name]:
        shutil.rmtree(folder, ignore_errors=True)
        _run([UV, "--quiet", "pip", "install", "--python", PYTHON, "--target", folder, PINNED[name]])
        stamp.write_text(PINNED[name], encoding="utf-8")
    return folder


def node_sdks() -> Path:
    """The folder that holds `node_modules`, by the lock beside the drivers."""
    if shutil.which("npm") is None:
        pytest.skip("no npm: apt-get install nodejs npm")
    folder = TOOLS / "node"
    lock = (CLIENTS / "node/package-lock.json").read_text(encoding="utf-8")
    stamp = folder / ".installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != lock:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(CLIENTS / "node" / name, folder)
        # not `npm ci`: it wants every optional binary of every platform in the lock, and some were never published
        _run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", "--no-save"], cwd=folder)
        found = json.loads((folder / "node_modules/@segment/analytics-next/package.json").read_text(encoding="utf-8"))["version"]
        assert json.loads(lock)["packages"]["node_modules/@segment/analytics-next"]["version"] == found
        stamp.write_text(lock, encoding="utf-8")
    for driver in (CLIENTS / "node").glob("*.js"):
        shutil.copy(driver, folder)
    return folder


def chromium() -> str:
    """Debian's browser."""
    found = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium: apt-get install chromium")
    return found


def start_python(sdk: str | None, driver: str, *args: str) -> "subprocess.Popen[str]":
    """Start a driver of a Python SDK; None: one that the tests' own packages hold."""
    path = {"PYTHONPATH": str(python_sdk(sdk))} if sdk else {}
    return _start([str(PYTHON), str(CLIENTS / "python" / driver), *args], os.environ | path)


def start_node(driver: str, *args: str) -> "subprocess.Popen[str]":
    """Start a driver of a Node SDK."""
    return _start(["node", str(node_sdks() / driver), *args], dict(os.environ))


def _start(command: list[str], env: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _run(command: list[object], cwd: Path | None = None) -> None:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False, timeout=INSTALLED_WITHIN_S)
    assert 0 == done.returncode, done.stderr[-2_000:]
