"""Cells become attributes: numbers and texts, transformed."""

import math

from models.dataset.manifest import Attribute, Manifest
from models.dataset.table import Cell, Table
from schemas.errors import ConfigError

Properties = dict[str, str | float]


class Attributes:
    """The attributes of one scope, row by row; one without a value is left out.

    Parameters
    ----------
    manifest
        Which attributes there are.
    scope
        `profile` or `event`.
    table
        The rows.

    Raises
    ------
    ConfigError
        Cells that are no numbers where numbers belong: every attribute that has some, with its first row.
    """

    def __init__(self, manifest: Manifest, scope: str, table: Table) -> None:
        self._columns: list[tuple[str, list[str | float | None]]] = []
        wrong = []
        for name, attribute in manifest.attributes.items():
            if attribute.scope == scope:
                try:
                    self._columns.append((name, _values(name, attribute, table)))
                except ConfigError as exc:
                    wrong.append(str(exc))
        if wrong:
            raise ConfigError("; ".join(wrong))

    def at(self, position: int) -> Properties:
        """The attributes of one row."""
        return {name: value for name, values in self._columns if (value := values[position]) is not None}


def _values(name: str, attribute: Attribute, table: Table) -> list[str | float | None]:
    cells = table.columns[attribute.column]
    met: dict[Cell, str | float | None] = {None: None}  # values repeat
    for position, cell in enumerate(cells):
        if cell is not None and cell not in met:
            try:
                met[cell] = _value(attribute, cell)
            except ValueError as exc:
                raise ConfigError(f"attributes.{name}: row {table.rows[position]}: {exc}; list such texts under missing") from exc
    return [met[cell] for cell in cells]


def _value(attribute: Attribute, cell: str) -> str | float:
    if attribute.kind == "numeric":
        number = _finite(cell)
        if attribute.transform != "log1p":
            return number
        if number <= -1:
            raise ValueError(f"log1p of {number}")
        return math.log1p(number)
    if attribute.transform == "prefix":
        return cell[: attribute.length]
    if attribute.transform == "multiple_of":
        assert attribute.step is not None
        assert attribute.otherwise is not None
        number = _finite(cell)
        return f"{number:.15g}" if number % attribute.step == 0 else attribute.otherwise
    return cell


def _finite(cell: str) -> float:
    number = float(cell)
    if not math.isfinite(number):
        raise ValueError(f"{cell!r} is no finite number")
    return number
