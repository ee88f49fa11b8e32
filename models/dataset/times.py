"""When each row happened, and the order of rows."""

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from models.dataset.manifest import MonthDayTime, OrderTime, TimestampTime
from models.dataset.table import Cell, Column, Table
from schemas.errors import ConfigError
from schemas.ids import Millis

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DATE_ONLY_LENGTH = 10
MONTHS = {name: number for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1)}
Micros = int


class Ordered(NamedTuple):
    """A table in order of time, and the instant of each row."""

    table: Table
    times: list[Millis]


def order(table: Table, rule: TimestampTime | OrderTime | MonthDayTime) -> Ordered:
    """The table's rows in order of time.

    Raises
    ------
    ConfigError
        A row's time is missing or cannot be read.
    """
    if isinstance(rule, TimestampTime):
        return _by_timestamp(table, rule)
    if isinstance(rule, OrderTime):
        return _by_order(table, rule)
    return _by_month_day(table, rule)


def instants(cells: Column, rows: list[int], rule: TimestampTime, name: str) -> list[Micros | None]:
    """Microseconds since 1970 of each cell; None where it has no value.

    Raises
    ------
    ConfigError
        A cell is no time of the rule's format.
    """
    parse = _parser(rule)
    met: dict[Cell, Micros | None] = {None: None}  # dates repeat, and strptime is slow
    for position, cell in enumerate(cells):
        if cell not in met:
            try:
                met[cell] = (parse(cell or "") - EPOCH) // MICROSECOND
            except ValueError as exc:
                raise ConfigError(f"{name}: row {rows[position]} is no time of format {rule.format!r}: {exc}") from exc
    return [met[cell] for cell in cells]


def _parser(rule: TimestampTime) -> Callable[[str], datetime]:
    at = rule.time_of_day
    if rule.format == "iso8601":

        def parse(text: str) -> datetime:
            moment = datetime.fromisoformat(text)
            if at is not None and len(text) <= DATE_ONLY_LENGTH:
                moment = datetime.combine(moment.date(), at)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

        return parse
    is_date_only = "%H" not in rule.format

    def parse_pattern(text: str) -> datetime:
        moment = datetime.strptime(text, rule.format)
        if at is not None and is_date_only:
            moment = datetime.combine(moment.date(), at, tzinfo=moment.tzinfo)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    return parse_pattern


def _by_timestamp(table: Table, rule: TimestampTime) -> Ordered:
    found = instants(table.columns[rule.column], table.rows, rule, "time.column")
    micros = [moment for moment in found if moment is not None]
    if len(micros) < len(found):
        raise ConfigError(f"time.column: {len(found) - len(micros)} rows have no time, the first is row {table.rows[found.index(None)]}")
    if rule.tie_column is not None:
        ties = _comparable(table.columns[rule.tie_column])
        positions = sorted(range(len(micros)), key=lambda i: (micros[i], ties[i]))
    else:
        positions = sorted(range(len(micros)), key=micros.__getitem__)
    return Ordered(table.take(positions), [Millis(micros[i] // 1000) for i in positions])


def _by_order(table: Table, rule: OrderTime) -> Ordered:
    positions = list(range(len(table.rows)))
    if rule.column is not None:
        numbers = [_number(cell, "time.column", row) for cell, row in zip(table.columns[rule.column], table.rows, strict=True)]
        positions.sort(key=numbers.__getitem__)
    start = (rule.start - EPOCH) // MICROSECOND
    return Ordered(table.take(positions), [_stepped(start, i, rule.step_seconds) for i in range(len(positions))])


def _by_month_day(table: Table, rule: MonthDayTime) -> Ordered:
    year, previous, latest = rule.first_year, 1, EPOCH.min.replace(tzinfo=UTC)
    times = []
    for i, (month_cell, day_cell) in enumerate(zip(table.columns[rule.month_column], table.columns[rule.day_column], strict=True)):
        month = MONTHS.get((month_cell or "")[:3].lower())
        if month is None:
            raise ConfigError(f"time.month_column: row {table.rows[i]} has no English month: {month_cell!r}")
        day = int(_number(day_cell, "time.day_column", table.rows[i]))
        if day < 1:
            raise ConfigError(f"time.day_column: row {table.rows[i]} has the day {day}")
        if i and previous - month > rule.rollover_months:
            year += 1
        previous = month
        latest = max(latest, datetime(year, month, min(day, monthrange(year, month)[1]), tzinfo=UTC))
        times.append(_stepped((latest - EPOCH) // MICROSECOND, i, rule.step_seconds))
    return Ordered(table, times)


def _stepped(start: Micros, i: int, step_seconds: float) -> Millis:
    return Millis((start + round(i * step_seconds * 1_000_000)) // 1000)


def _number(cell: Cell, key: str, row: int) -> float:
    try:
        return float(cell if cell is not None else "")
    except ValueError as exc:
        raise ConfigError(f"{key}: row {row} has no number: {cell!r}") from exc


def _comparable(cells: Column) -> list[tuple[bool, float | str]]:
    """Numbers if all of them are, else texts; a missing one comes last."""
    try:
        return [(cell is None, float(cell) if cell is not None else 0.0) for cell in cells]
    except ValueError:
        return [(cell is None, cell or "") for cell in cells]
