"""What a manifest says of every row of its table: lead, time, type, channel, and what the outcome was."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from models.dataset.manifest import Known, Manifest
from models.dataset.table import Table, matching
from models.dataset.times import instants
from schemas.errors import ConfigError
from schemas.event import OBSERVATION
from schemas.ids import Millis
from schemas.outcome import LOST, WON
from schemas.policy import DAY_MS

HOUR_MS = 3_600_000
SHOWN = 20


class Facts(NamedTuple):
    """Rows in order of time, column by column.

    `outcomes` and `outcomes_at` speak of the row itself: in mode `events` whether it is an outcome, in mode `leads` how its lead ended and
    when that is known (None: never). `ends_at` is the last instant of the table.
    """

    table: Table
    leads: list[str]
    times: list[Millis]
    types: list[str]
    channels: list[str]
    is_event: list[bool]
    outcomes: list[str | None]
    outcomes_at: list[Millis | None]
    ends_at: Millis


def establish(manifest: Manifest, table: Table, times: list[Millis], known: Known | None = None) -> Facts:
    """The facts of every row.

    Parameters
    ----------
    manifest
        What the columns mean.
    table
        In order of time.
    times
        Of each row.
    known
        When a label may be learned, instead of what the manifest says; only where there is no horizon.

    Raises
    ------
    ConfigError
        Naming every value that has no meaning: types without exactly one channel, outcomes neither converted nor lost, missing leads.
    """
    wrong: list[str] = []
    size = len(times)
    event = manifest.event
    events = set(matching(table, event.where, manifest.file, "event.where"))
    is_event = [position in events for position in range(size)]
    types = [event.type or ""] * size if event.type_column is None else _present(table, event.type_column, "event.type_column", wrong)
    leads = [str(i) for i in range(size)] if manifest.lead.column is None else _present(table, manifest.lead.column, "lead.column", wrong)
    if manifest.mode == "leads" and len(set(leads)) < size:
        wrong.append(f"lead.column: {size - len(set(leads))} leads have a second row; mode 'leads' is one row per lead")
    channels = _channels(manifest, types, is_event, wrong)
    ended = _ended(manifest, table, types, wrong)
    told = _told(manifest, table, times, wrong)
    ends_at = max((*times, *(moment for moment in told if moment is not None)), default=Millis(0))
    known_at = times if manifest.mode == "events" else _known_at(manifest, table, (times, ended, told), ends_at, known, wrong)
    if wrong:
        raise ConfigError(f"{manifest.name}: " + "; ".join(wrong))
    return Facts(table, leads, times, types, channels, is_event, ended, list(known_at), ends_at)


def _present(table: Table, name: str, key: str, wrong: list[str]) -> list[str]:
    cells = table.columns[name]
    holes = [position for position, cell in enumerate(cells) if cell is None]
    if holes:
        wrong.append(f"{key}: {len(holes)} rows have no {name!r}, the first is row {table.rows[holes[0]]}")
    return [cell or "" for cell in cells]


def _channels(manifest: Manifest, types: list[str], is_event: list[bool], wrong: list[str]) -> list[str]:
    """Rows that are no events are kept and shown all the same: as observations."""
    rule = manifest.event
    if rule.channel is not None:
        return [rule.channel if it else OBSERVATION for it in is_event]
    found: dict[str, str] = {}
    for event_type in sorted({event_type for event_type, it in zip(types, is_event, strict=True) if it}):
        matches = sorted({channel for pattern, channel in rule.channels.items() if fnmatchcase(event_type, pattern)})
        if len(matches) != 1:
            wrong.append(f"event.channels: type {event_type!r} has {len(matches)} channels {matches}, not exactly one")
        found[event_type] = matches[0] if matches else ""
    return [found[event_type] if it else OBSERVATION for event_type, it in zip(types, is_event, strict=True)]


def _ended(manifest: Manifest, table: Table, types: list[str], wrong: list[str]) -> list[str | None]:
    rule = manifest.outcome
    ends: dict[str | None, str] = {**dict.fromkeys(rule.converted, WON), **dict.fromkeys(rule.lost, LOST)}
    if rule.source == "events":
        return [ends.get(event_type) for event_type in types]
    cells = table.columns[rule.column or ""]
    if rule.converted_when == "present":
        return [LOST if cell is None else WON for cell in cells]
    strange = sorted({repr(cell) for cell in cells if cell not in ends})
    if strange:
        wrong.append(f"outcome.column: {', '.join(strange[:SHOWN])} neither converted nor lost")
    return [ends.get(cell) for cell in cells]


def _told(manifest: Manifest, table: Table, times: Sequence[Millis], wrong: list[str]) -> list[Millis | None]:
    """When the table says that the outcome came."""
    name = manifest.outcome.time_column
    if name is None or manifest.time.kind != "timestamp":
        return [None] * len(times)
    try:
        micros = instants(table.columns[name], table.rows, manifest.time, "outcome.time_column")
    except ConfigError as exc:
        wrong.append(str(exc))
        return [None] * len(times)
    return [None if moment is None else Millis(moment // 1000) for moment in micros]


def _known_at(
    manifest: Manifest,
    table: Table,
    rows: tuple[list[Millis], list[str | None], list[Millis | None]],
    ends_at: Millis,
    override: Known | None,
    wrong: list[str],
) -> list[Millis | None]:
    """When each row's outcome is known: at the earliest `min_delay_hours` after the row itself."""
    rule, (times, ended, told) = manifest.outcome, rows
    delay = round(rule.min_delay_hours * HOUR_MS)
    if rule.horizon_days is not None:
        lost_time = [i for i, (end, moment) in enumerate(zip(ended, told, strict=True)) if end == WON and moment is None]
        if lost_time:
            wrong.append(f"outcome.time_column: {len(lost_time)} converted rows have no time, the first is row {table.rows[lost_time[0]]}")
        return [None if moment is None else max(moment, Millis(at + delay)) for moment, at in zip(told, times, strict=True)]
    known: list[Millis | None] = []
    for at, moment in zip(times, told, strict=True):
        when = override or ("at_outcome" if moment is not None else rule.known or "at_outcome")
        known.append(max(_moment(when, at, moment, ends_at), Millis(at + delay)))
    return known


def _moment(when: Known, at: Millis, told: Millis | None, ends_at: Millis) -> Millis:
    if when == "at_once":
        return at
    if when == "next_day":
        return Millis((at // DAY_MS + 1) * DAY_MS)
    # an outcome without a time of its own is known when the observation ends
    return ends_at if told is None else told
