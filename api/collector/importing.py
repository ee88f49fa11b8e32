"""Events from files: CSV, JSON lines or Parquet, read by the mapping that webhooks use."""

import csv
import io
import tomllib
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow
from pyarrow import parquet
from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.kafka.producer import Producer
from models.collecting.arrival import Arrival
from models.collecting.paths import compiled
from models.collecting.protocols import mapped, own
from schemas.dead_letter import DeadLetter
from schemas.errors import ConfigError, PoisonRecordError
from schemas.ids import Millis, lead_key
from schemas.topics import Topic

ROWS = 5_000
"""Of a Parquet file at once; and after so many events, Kafka has acknowledged all of them."""
STAGE = "collector.file"

OnProgress = Callable[[int, int], None]
"""Is told how much of the file is read, and how much there is: bytes, or rows of a Parquet file."""


class Mapping(BaseModel):
    """What a file's columns mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: dict[str, str]


class Imported(NamedTuple):
    """Rows that became events, and those that are dead letters now."""

    events: int
    dead: int


class Row(NamedTuple):
    """A row as JSON text; `done` of `total` is how far the file is read. `problem` says why it is no row."""

    number: int
    raw: bytes
    done: int
    total: int
    problem: str | None = None


def read_mapping(path: Path) -> dict[str, str]:
    """The mapping of a TOML file: `[fields]`, field of an event → JSONPath in a row, or a text after `=`.

    Raises
    ------
    ConfigError
        It is missing or wrong.
    """
    try:
        fields = Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).fields
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as exc:
        raise ConfigError(f"the mapping {path}: {exc}") from exc
    for one in fields.values():
        if not one.startswith(mapped.CONSTANT):
            compiled(one)
    return fields


def rows(path: Path) -> Iterator[Row]:
    """The rows of a file, by its suffix: `.csv`, `.jsonl` or `.ndjson`, `.parquet`.

    Raises
    ------
    ConfigError
        The file is missing, cannot be read, or is of another kind.
    """
    readers = {".csv": _csv, ".jsonl": _lines, ".ndjson": _lines, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path}: of no kind that is read; those are {', '.join(readers)}")
    try:
        yield from reader(path)
    except (OSError, UnicodeDecodeError, csv.Error, pyarrow.ArrowInvalid) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}") from exc


def publish(
    found: Iterator[Row], fields: dict[str, str], arrival: Arrival, producer: Producer, *, release: str, now: Callable[[], Millis], show: OnProgress
) -> Imported:
    """Publish each row as an event; one that is none becomes a dead letter. Returns when Kafka has them all.

    An event without an id of its own gets one of its row's number and text: the same file again gives the same events.

    Raises
    ------
    RetriableError
        Kafka is away. The same file may be imported again: what arrived is told by its id for a day.
    """
    events = dead = 0
    for row in found:
        try:
            if row.problem:
                raise PoisonRecordError(row.problem, reason="not_json")
            event = own.read(_mapped(row, fields), row.raw.decode(), arrival._replace(received_at=now()), protocol="file")
            producer.publish(Topic.EVENTS_RECEIVED, event, key=lead_key(event.tenant, event.lead), at=event.occurred_at)
            events += 1
        except PoisonRecordError as exc:
            sender = lead_key(arrival.tenant, arrival.source)
            letter = DeadLetter(STAGE, "file", exc.reason, f"row {row.number}: {exc}", release, now(), sender.encode(), row.raw)
            producer.publish(Topic.RECORDS_DEAD, letter, key=sender, at=letter.failed_at)
            dead += 1
        if row.number % ROWS == 0:
            producer.flush()
        show(row.done, row.total)
    producer.flush()
    return Imported(events, dead)


def _mapped(row: Row, fields: dict[str, str]) -> dict[str, Any]:
    item = orjson.loads(row.raw)
    if not isinstance(item, dict):
        raise PoisonRecordError("a row must be a JSON object")
    identity = blake2b(str(row.number).encode() + b" " + row.raw, digest_size=16).hexdigest()
    return mapped.mapped(item, fields, identity)


def _csv(path: Path) -> Iterator[Row]:
    total = path.stat().st_size
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            extra = row.pop(None, None)  # the reader puts what has no column there
            problem = f"{len(extra)} values more than columns" if extra else None
            # an empty cell says nothing
            yield Row(number, orjson.dumps({name: value for name, value in row.items() if value not in (None, "")}), raw.tell(), total, problem)


def _lines(path: Path) -> Iterator[Row]:
    total, done = path.stat().st_size, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            done += len(line)
            text = line.strip()
            if not text:
                continue
            try:
                orjson.loads(text)
                problem = None
            except orjson.JSONDecodeError as exc:
                problem = f"no JSON: column {exc.colno}"
            yield Row(number, text, done, total, problem)


def _parquet(path: Path) -> Iterator[Row]:
    with parquet.ParquetFile(path) as file:
        total, number = file.metadata.num_rows, 0
        for batch in file.iter_batches(batch_size=ROWS):
            for row in batch.to_pylist():
                number += 1
                yield Row(number, orjson.dumps({name: value for name, value in row.items() if value is not None}, default=str), number, total)
