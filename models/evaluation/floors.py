"""Floors: what ProX must reach on a data set, and where it does not."""

import tomllib

from models.evaluation.protocol import Evaluation
from schemas.errors import ConfigError

AT_LEAST, AT_MOST = ("auc", "auc_first_1000"), ("log_loss", "brier", "ece", "us_score", "us_label")

Floors = dict[str, dict[str, float]]
"""Data set → figure → its floor, or its ceiling where less is better."""


def parse(text: str, *, where: str) -> Floors:
    """Floors from TOML: a table for each data set.

    Raises
    ------
    ConfigError
        No TOML, or floors of figures that do not exist; all of them are named.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{where}: no TOML: {exc}") from exc
    known = {*AT_LEAST, *AT_MOST}
    wrong = [f"{name}.{key}" for name, table in tables.items() for key in table if key not in known]
    if wrong:
        raise ConfigError(f"{where}: no figures called {', '.join(wrong)}; there are {', '.join(sorted(known))}")
    return tables


def missed(evaluation: Evaluation, floors: Floors) -> list[str]:
    """Where ProX falls short, in words; a figure that does not exist does. A data set without floors has none to miss."""
    figures = evaluation.results[0].figures._asdict()
    short = []
    for key, floor in floors.get(evaluation.data_set, {}).items():
        value = figures[key]
        if value is None or (value < floor if key in AT_LEAST else value > floor):
            said = "not there" if value is None else f"{value:.4f}"
            short.append(f"{evaluation.data_set}: {key} is {said}, at {'least' if key in AT_LEAST else 'most'} {floor:g} is wanted")
    return short
