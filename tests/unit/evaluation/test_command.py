"""`python -m models` from end to end, on small files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.__main__ import app
from models.evaluation.protocol import Figures
from models.nightly.base import NightlyBase
from tests.unit.evaluation.market import written

MODELS = ["prox", "scorecard", "naive Bayes", "River LR", "River ARF", "nightly", "nightly, live"]


def test_two_sets_in_two_folders_become_figures(tmp_path: Path):
    """One table each for people, and one file for programs, with every figure of every model."""
    manifests = [str(written(tmp_path / name / "deep", name, 150)) for name in ("north", "south")]
    # as people run it: the sets' own processes find nothing by the name that this module has here
    command = [sys.executable, "-m", "models", "evaluate", *manifests, "--json", str(tmp_path / "out.json")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    figures = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))

    assert (0, ["north", "south"]) == (result.returncode, list(figures))
    assert all(MODELS == list(of_set) for of_set in figures.values())
    assert all(list(Figures._fields) == list(of_model) for of_set in figures.values() for of_model in of_set.values())
    assert all(word in result.stdout for word in ("north: 150 scoring points", "prox against", "calibration of prox"))


@pytest.mark.parametrize(
    ("text", "told"),
    [("manifest = 2", "version 1"), ("manifest = 1\nname = 'x'", "Field required"), ("manifest =", "no TOML"), (None, "No such file")],
)
def test_a_bad_manifest_is_told_in_one_line(tmp_path: Path, text: str | None, told: str):
    """And the exit code is 2."""
    path = tmp_path / "manifest.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", str(path)])

    assert (2, 1) == (result.exit_code, result.output.count("\n"))
    assert told in result.output


def test_a_table_that_is_not_there_is_told_in_one_line(tmp_path: Path):
    """Found when the set is read, and said as plainly."""
    path = written(tmp_path / "market", "market", 10)
    (path.parent / "table.csv").unlink()
    result = CliRunner().invoke(app, ["evaluate", str(path)])

    assert 2 == result.exit_code
    assert "error: " in result.output.splitlines()[-1]


def test_a_base_is_trained_from_a_set_and_again_from_its_examples(tmp_path: Path):
    """The same bytes both ways; figures of the holdout are shown."""
    manifest = written(tmp_path / "market", "market", 800)
    one, other, examples = (str(tmp_path / name) for name in ("one.base", "other.base", "examples.avro"))
    first = CliRunner().invoke(app, ["train-base", str(manifest), one, "--examples", examples])
    second = CliRunner().invoke(app, ["train-base", examples, other, "--window-days", "0"])

    assert (0, 0) == (first.exit_code, second.exit_code)
    assert Path(one).read_bytes() == Path(other).read_bytes()
    assert NightlyBase.from_bytes(Path(one).read_bytes()).examples >= 700
    assert "ONNX against LightGBM" in first.output
    assert "AUC" in first.output


def test_too_few_examples_make_no_base(tmp_path: Path):
    """One line, exit code 1, and no file."""
    manifest = written(tmp_path / "market", "market", 12)
    result = CliRunner().invoke(app, ["train-base", str(manifest), str(tmp_path / "base")])

    assert (1, False) == (result.exit_code, (tmp_path / "base").exists())
    assert "trees need" in result.output


@pytest.mark.parametrize("content", [b"", b"no avro", None])
def test_a_file_that_holds_no_examples_is_told_in_one_line(tmp_path: Path, content: bytes | None):
    """Empty, of another kind, or not there."""
    path = tmp_path / "examples.avro"
    if content is not None:
        path.write_bytes(content)
    result = CliRunner().invoke(app, ["train-base", str(path), str(tmp_path / "base")])

    assert (2, 1) == (result.exit_code, result.output.count("\n"))
