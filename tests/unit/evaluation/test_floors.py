"""Floors, and who is told when they are missed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.__main__ import app
from models.evaluation.floors import missed, parse
from models.evaluation.protocol import Evaluation, Figures, Result
from schemas.errors import ConfigError
from tests.unit.evaluation.market import written


def an_evaluation(*, auc: float | None = 0.8, log_loss: float = 0.4) -> Evaluation:
    figures = Figures(auc, log_loss, 0.1, 0.01, 0.7, 1.0, 1.0)
    return Evaluation("market", "", 10, 10, 0.5, [Result("prox", "", figures, [], None)])


@pytest.mark.parametrize(
    ("evaluation", "expected"),
    [
        (an_evaluation(), []),
        (an_evaluation(auc=0.79), ["market: auc is 0.7900, at least 0.8 is wanted"]),
        (an_evaluation(log_loss=0.41), ["market: log_loss is 0.4100, at most 0.4 is wanted"]),
        (an_evaluation(auc=None), ["market: auc is not there, at least 0.8 is wanted"]),
    ],
)
def test_a_figure_below_its_floor_is_named(evaluation: Evaluation, expected: list[str]):
    """Or above it, where less is better; reaching it is enough."""
    assert expected == missed(evaluation, parse("[market]\nauc = 0.8\nlog_loss = 0.4", where="floors"))


def test_a_set_without_floors_misses_none():
    """Other sets run through the same command."""
    assert [] == missed(an_evaluation(auc=0.1), parse("[other]\nauc = 0.8", where="floors"))


@pytest.mark.parametrize("text", ["[market]\nauk = 0.8", "auc ="])
def test_floors_that_mean_nothing_are_refused(text: str):
    """A typing error must not pass for a success."""
    with pytest.raises(ConfigError, match=r"floors\.toml"):
        parse(text, where="floors.toml")


def test_the_command_fails_below_a_floor(tmp_path: Path):
    """Exit code 1, after the tables."""
    manifest = written(tmp_path / "market", "market", 60)
    (tmp_path / "floors.toml").write_text("[market]\nauc = 1.01", encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", str(manifest), "--floors", str(tmp_path / "floors.toml")])

    assert (1, True) == (result.exit_code, "below its floor" in result.output)


def test_floors_that_are_not_there_are_told_in_one_line(tmp_path: Path):
    """Before anything is run."""
    manifest = written(tmp_path / "market", "market", 60)
    result = CliRunner().invoke(app, ["evaluate", str(manifest), "--floors", str(tmp_path / "none.toml")])

    assert (2, 1) == (result.exit_code, result.output.count("\n"))
