"""Small data sets of a test's own, without files."""

import gzip
import io
from collections.abc import Mapping
from typing import BinaryIO

from models.dataset.dataset import DataSet, read
from models.dataset.manifest import Known

TABLE = """lead,when,type,kind,size,place
ada,2026-03-02T09:00:00Z,visit,click,10,north
bob,2026-03-02T10:00:00+01:00,visit,click,,
ada,2026-03-03T09:00:00Z,call,click,10,north
ada,2026-03-03T09:00:00Z,task,system,10,south
ada,2026-03-04T09:00:00Z,bought,click,20,north
bob,2026-04-30T00:00:00Z,visit,click,5,south
"""

EVENTS = """
manifest = 1
name = "small"
title = "a small set"
mode = "events"
[file]
path = "table.csv"
[lead]
column = "lead"
[time]
kind = "timestamp"
column = "when"
format = "iso8601"
[event]
type_column = "type"
where = { kind = ["click"] }
channels = { "visit" = "web", "call" = "phone", "bo*" = "shop" }
[attributes]
size = { column = "size", kind = "numeric", scope = "profile" }
place = { column = "place", kind = "categorical", scope = "event" }
[outcome]
from = "events"
converted = ["bought"]
lost = ["declined"]
horizon_days = 30
"""

LEADS_TABLE = """id,created,source,answer,closed
7,2026-03-02,web,yes,2026-03-05
8,2026-03-03,fair,no,
9,2026-03-04,web,no,2026-03-04
"""

LEADS = """
manifest = 1
name = "leads"
mode = "leads"
[file]
path = "table.csv"
[lead]
column = "id"
[time]
kind = "timestamp"
column = "created"
[event]
type = "lead_recorded"
channel = "web"
[attributes]
source = { column = "source", kind = "categorical", scope = "profile" }
[dropped]
closed = "when it was decided"
[outcome]
from = "column"
column = "answer"
converted = ["yes"]
lost = ["no"]
known = "at_once"
"""


def small(manifest: str = EVENTS, table: str = TABLE, *, known: Known | None = None, **files: str | bytes) -> DataSet:
    """A data set of these texts; `other_csv="…"` is the file `other.csv`, `.gz` files are compressed."""
    contents: dict[str, str | bytes] = {"manifest.toml": manifest, "table.csv": table}
    contents |= {name.replace("_", "."): content for name, content in files.items()}
    return read("sets/small/manifest.toml", lambda path: opened(contents, path), known=known)


def opened(contents: Mapping[str, str | bytes], path: str) -> BinaryIO:
    name = path.removeprefix("sets/small/")
    if name not in contents:
        raise FileNotFoundError(path)
    content = contents[name]
    raw = content.encode() if isinstance(content, str) else content
    return io.BytesIO(gzip.compress(raw) if name.endswith(".gz") and isinstance(content, str) else raw)


def changed(text: str, old: str, new: str) -> str:
    """The text with one passage exchanged; the passage must be there."""
    assert old in text, old
    return text.replace(old, new, 1)
