"""The table of a data set: read, joined, filtered and summed, still texts."""

import contextlib
import csv
import gzip
import io
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from models.dataset.manifest import File, Join, Manifest, Reading
from schemas.errors import ConfigError

Cell = str | None
Column = list[Cell]

csv.field_size_limit(2**31 - 1)  # a free text may be long; what is a field is the file's business


class Table(NamedTuple):
    """Columns of equal length; `rows` holds each row's number in the file, counted from 0. `file_rows` is how many the file had."""

    columns: dict[str, Column]
    rows: list[int]
    file_rows: int

    def take(self, positions: Sequence[int]) -> "Table":
        """The rows at these positions, in this order."""
        columns = {name: [cells[i] for i in positions] for name, cells in self.columns.items()}
        return Table(columns, [self.rows[i] for i in positions], self.file_rows)


def load(manifest: Manifest, open_file: Callable[[str], BinaryIO]) -> Table:
    """The manifest's table, up to its sums; not yet in order of time.

    Raises
    ------
    ConfigError
        A file cannot be read as the manifest says, or a column is missing.
    """
    table = read(manifest.file, open_file)
    for join in manifest.joins:
        table = _joined(table, join, read(join, open_file))
    table = table.take(matching(table, manifest.file.where, manifest.file, "file.where")) if manifest.file.where else table
    return _summed(table, manifest.file) if manifest.file.sum_by else table


def read(reading: Reading, open_file: Callable[[str], BinaryIO]) -> Table:
    """One file as columns of texts; a text that means "no value" is None.

    Raises
    ------
    ConfigError
        The file is missing or damaged, a name stands twice in its header, or a row has too many or too few fields.
    """
    try:
        with contextlib.ExitStack() as opened:
            raw = opened.enter_context(open_file(reading.path))
            binary = opened.enter_context(gzip.GzipFile(fileobj=raw)) if reading.path.endswith(".gz") else raw
            text = opened.enter_context(io.TextIOWrapper(binary, encoding=reading.encoding, newline=""))
            lines = list(_fields(text, reading.delimiter))
    except (OSError, EOFError, UnicodeError, LookupError, zlib.error, csv.Error) as exc:
        raise ConfigError(f"{reading.path}: {type(exc).__name__}: {exc}") from exc
    header = list(reading.header) if reading.header is not None else (lines.pop(0) if lines else [])
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ConfigError(f"{reading.path}: columns {twice} stand twice in the header")
    wrong = [number for number, fields in enumerate(lines) if len(fields) != len(header)]
    if wrong:
        raise ConfigError(f"{reading.path}: {len(wrong)} rows have not {len(header)} fields, the first is row {wrong[0]} (counted from 0)")
    missing = frozenset(reading.missing)
    transposed: Iterable[Sequence[str]] = zip(*lines, strict=True) if lines else ([] for _ in header)
    columns: dict[str, Column] = {name: [None if text in missing else text for text in texts] for name, texts in zip(header, transposed, strict=True)}
    return Table(columns, list(range(len(lines))), len(lines))


def matching(table: Table, where: dict[str, tuple[str, ...]], reading: Reading, key: str) -> list[int]:
    """Positions of the rows that have one of the values in every column of `where`.

    Raises
    ------
    ConfigError
        No such column.
    """
    positions = list(range(len(table.rows)))
    for name, values in where.items():
        allowed = {None if value in reading.missing else value for value in values}
        cells = column(table, name, key)
        positions = [i for i in positions if cells[i] in allowed]
    return positions


def column(table: Table, name: str, key: str) -> Column:
    """A column by its name.

    Raises
    ------
    ConfigError
        No such column; `key` is the manifest's key that asked for it.
    """
    cells = table.columns.get(name)
    if cells is None:
        raise ConfigError(f"{key}: the table has no column {name!r}; it has {sorted(table.columns)}")
    return cells


def _fields(text: io.TextIOWrapper, delimiter: str) -> Iterator[list[str]]:
    if delimiter == "whitespace":
        return (fields for line in text if (fields := line.split()))
    # an empty line is no row
    return (fields for fields in csv.reader(text, delimiter=delimiter) if fields)


def _joined(table: Table, join: Join, other: Table) -> Table:
    keys, other_keys = column(table, join.on, f"joins {join.path}"), column(other, join.on, f"joins {join.path}")
    both = sorted(set(join.columns) & set(table.columns))
    if both:
        raise ConfigError(f"joins {join.path}: the table has columns {both} already")
    first: dict[Cell, int] = {}
    for position, key in enumerate(other_keys):
        first.setdefault(key, position)
    first.pop(None, None)  # no value equals no value
    matches = [first.get(key) for key in keys]
    added: dict[str, Column] = {}
    for name in join.columns:
        cells = column(other, name, f"joins {join.path}")
        added[name] = [None if match is None else cells[match] for match in matches]
    return table._replace(columns=table.columns | added)


def _summed(table: Table, file: File) -> Table:
    by = [column(table, name, "file.sum_by") for name in file.sum_by]
    sums = [[_number(text, name, row) for text, row in zip(column(table, name, "file.sum"), table.rows, strict=True)] for name in file.sum]
    groups: dict[tuple[Cell, ...], list[int]] = {}
    for position, identity in enumerate(zip(*by, strict=True)):
        groups.setdefault(identity, []).append(position)
    kept = table.take([positions[0] for positions in groups.values()])
    columns: dict[str, Column] = {name: kept.columns[name] for name in file.sum_by}
    for name, numbers in zip(file.sum, sums, strict=True):
        columns[name] = [_sum([numbers[i] for i in positions]) for positions in groups.values()]
    return kept._replace(columns=columns)


def _sum(numbers: list[float | None]) -> Cell:
    present = [number for number in numbers if number is not None]
    return repr(math.fsum(present)) if present else None


def _number(text: Cell, name: str, row: int) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError as exc:
        raise ConfigError(f"file.sum: {name} is no number in row {row}") from exc
