"""The README's first screen, done as it says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.demo.terminal import Terminal
from tests.e2e.waiting import until
from tests.readme import ROOT, blocks, commands

UP_WITHIN_S = 900.0
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(run_dir: Path) -> Iterator[Terminal]:
    """The README's first command, with few leads and half a year in 20 s: slow enough that the best lead's score has a model, and reasons."""
    first = commands(blocks("sh")[0])[0].split()
    with Terminal([*first, "LEADS=150", "SPEED=800000x"], cwd=ROOT, env={"PROX_RUN_DIR": str(run_dir)}) as terminal:
        terminal.wait_for("Ctrl-C stops everything", UP_WITHIN_S)
        yield terminal


def in_shell(run_dir: Path, block: str) -> str:
    """What a block prints in a shell; `.run` is this test's own."""
    script = "set -euo pipefail\n" + block.replace(".run/", f"{run_dir}/")
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60).stdout


def shape(value: Any) -> Any:
    """Names and kinds, whatever the values; a list has the shape of its first item."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return "number" if isinstance(value, int | float) else type(value).__name__


def test_the_demo_ends_with_its_tables(demo: Terminal):
    """The best leads, AUC and log loss."""
    assert all(text in demo.shown for text in ("Best leads", "Prequential quality", "log_loss"))


def test_the_demo_shows_its_crm_in_step(demo: Terminal):
    """Every lead's record in the fake shows the grade that the API says."""
    leads, of = re.search(r"([\d,]+) of ([\d,]+) leads in step", demo.shown).groups()

    assert leads == of != "0"


@pytest.mark.usefixtures("demo")
def test_the_first_request_is_answered_as_the_readme_says(run_dir: Path):
    """The block is run as it stands, and its answer has the README's shape."""
    answer = json.loads(in_shell(run_dir, blocks("sh")[1]))

    assert shape(json.loads(blocks("json")[0])) == shape(answer)


@pytest.mark.usefixtures("demo")
def test_a_score_is_read_as_the_readme_says(run_dir: Path):
    """The best lead's last score has the README's shape."""
    variables, leads = commands(blocks("sh")[1])
    lead = json.loads(in_shell(run_dir, f"{variables}\n{leads}"))["items"][0]["lead"]
    answer = json.loads(in_shell(run_dir, f"{variables}\n{blocks('sh')[2].replace('LEAD', lead)}"))

    assert shape(json.loads(blocks("json")[1])) == shape(answer)


@pytest.mark.usefixtures("demo")
def test_an_event_sent_as_the_readme_says_is_scored(run_dir: Path):
    """The example in Python publishes it; a moment later its lead has a score."""
    variables = commands(blocks("sh")[1])[0]
    example = run_dir / "example.py"
    example.write_text(blocks("python")[0], encoding="utf-8")
    in_shell(run_dir, f"{variables}\nPYTHONPATH={ROOT} {sys.executable} {example}")
    asked = 'curl -sf --retry 100 --retry-delay 1 --retry-all-errors -H "X-Api-Key: $KEY" "$API/v1/leads/lead-of-mine/scores"'
    until(lambda: json.loads(in_shell(run_dir, f"{variables}\n{asked}"))["items"], "the score: the lead is known as soon as its event is stored")
    (score,) = json.loads(in_shell(run_dir, f"{variables}\n{asked}"))["items"]

    assert 1 == score["sequence"]


def test_ctrl_c_stops_everything(demo: Terminal, run_dir: Path):
    """No process of the demo is left, and nothing that it unpacked; the key is gone."""
    demo.press_ctrl_c()
    left = [process for process in psutil.process_iter(["cmdline", "environ"]) if is_of(process, run_dir)]

    assert ([], False) == (left, (run_dir / "demo").exists())


def is_of(process: psutil.Process, run_dir: Path) -> bool:
    """Whether a process was started for this run directory."""
    texts = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
    return process.pid != os.getpid() and any(str(run_dir) in text for text in texts)
