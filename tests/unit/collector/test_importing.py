import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from api.collector import importing
from schemas.codec import Codec
from schemas.dead_letter import DeadLetter
from schemas.errors import ConfigError
from schemas.event import Event
from schemas.topics import Topic, Value
from tests.builders import IDS, MONDAY
from tests.collector import an_arrival, never

MAPPING = '[fields]\ntype = "=lead_imported"\nuser_id = "$.id"\n"person.email" = "$.mail"\n"properties.plan" = "$.plan"\noccurred_at = "$.at"\n'
ROWS: list[dict[str, Any]] = [{"id": "1", "mail": "ada@lovelace.example", "plan": "pro", "at": "2026-02-01T10:00:00Z"}, {"id": "2", "plan": "free"}]


class Kept:
    """Stands for the producer: keeps what is published, encoded and decoded."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._codec = Codec(IDS, never)

    def publish(self, topic: Topic, value: Value, *, key: str, at: int) -> None:
        assert (topic, at) in ((Topic.EVENTS_RECEIVED, getattr(value, "occurred_at", None)), (Topic.RECORDS_DEAD, getattr(value, "failed_at", None)))
        assert key.startswith("acme|")
        self.values.append(self._codec.decode(self._codec.encode(value)))

    def flush(self) -> None:
        """Everything is kept at once."""


def a_file(folder: Path, kind: str) -> Path:
    path = folder / f"leads.{kind}"
    match kind:
        case "csv":
            path.write_text("id,mail,plan,at\n" + "".join(",".join(row.get(name, "") for name in ROWS[0]) + "\n" for row in ROWS), encoding="utf-8")
        case "jsonl":
            path.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n\n", encoding="utf-8")
        case "parquet":
            parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    return path


def imported(folder: Path, path: Path) -> tuple[importing.Imported, list[Value], list[tuple[int, int]]]:
    kept, shown = Kept(), []
    (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    fields = importing.read_mapping(folder / "mapping.toml")
    done = importing.publish(
        importing.rows(path),
        fields,
        an_arrival(),
        kept,
        release="0.1.0",
        now=lambda: MONDAY,
        show=lambda *told: shown.append(told),  # type: ignore[arg-type]
    )
    return done, kept.values, shown


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_files_rows_become_events(tmp_path: Path, kind: str):
    """Of each kind the same; progress ends at the end."""
    done, values, shown = imported(tmp_path, a_file(tmp_path, kind))
    events = [value for value in values if isinstance(value, Event)]

    assert importing.Imported(2, 0) == done
    assert [("1", {"plan": "pro"}), ("2", {"plan": "free"})] == [(event.lead, event.properties) for event in events]
    assert [False, True] == [event.occurred_at == MONDAY for event in events]
    assert shown[-1][0] <= shown[-1][1]


def test_the_same_file_again_gives_the_same_events(tmp_path: Path):
    """An import that was broken off can simply be begun again."""
    path = a_file(tmp_path, "csv")

    assert imported(tmp_path, path)[1] == imported(tmp_path, path)[1]


def test_a_row_that_is_no_event_is_a_dead_letter_with_its_number(tmp_path: Path):
    """The rest goes on."""
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": "1"}\n{oops\n[]\n{"plan": "pro"}\n', encoding="utf-8")
    done, values, _ = imported(tmp_path, path)

    assert importing.Imported(1, 3) == done
    assert ["row 2", "row 3", "row 4"] == [value.message.partition(":")[0] for value in values if isinstance(value, DeadLetter)]


@pytest.mark.parametrize(("name", "content"), [("a.xlsx", b""), ("none.csv", None), ("a.parquet", b"no"), ("a.csv", b"\xff\xfe\x00")])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, content: bytes | None):
    """One line that names it."""
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(ConfigError, match=name):
        imported(tmp_path, tmp_path / name)


@pytest.mark.parametrize("text", ["[fields]\nx = 1", "x", '[fields]\ntype = "$["', "[other]"])
def test_a_mapping_that_is_wrong_is_told_before_anything_is_read(tmp_path: Path, text: str):
    """Nothing is published by half a mapping."""
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError):
        importing.read_mapping(tmp_path / "m.toml")
