import json
from pathlib import Path

import pytest

from schemas.codec import FRAME, MAGIC, Codec, Schema, schema_of
from schemas.topics import VALUE_TYPES, Topic
from tests.builders import IDS
from tests.golden.schemas.write import FOLDER, as_json, shape

GOLDEN = sorted(FOLDER.glob("*.v*.json"))
WRITER_ID = 9_000
NO_LONGER_READ = {"LeadScore": {"reasons"}}
"""Fields of older releases that later ones have replaced: what they held lives in the tables that were written from them."""


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_an_older_release_wrote_is_still_read(path: Path):
    """Records stay on topics and in dead letters across releases: every golden file decodes to what it meant."""
    golden = json.loads(path.read_text(encoding="utf-8"))
    data = FRAME.pack(MAGIC, WRITER_ID) + path.with_suffix(".bin").read_bytes()[FRAME.size :]

    def writer_schema(schema_id: int) -> Schema:
        assert schema_id == WRITER_ID
        return dict(golden["schema"])

    decoded = as_json(Codec(IDS, writer_schema).decode(data))

    kept = {name: value for name, value in golden["value"].items() if name not in NO_LONGER_READ.get(golden["schema"]["name"], ())}
    if kept.get("person") is not None:  # fields of a person that came later are unknown
        kept["person"] += [None] * (len(decoded["person"]) - len(kept["person"]))

    assert kept == {name: decoded[name] for name in kept}


@pytest.mark.parametrize("topic", Topic)
def test_every_schema_has_its_golden_file(topic: Topic):
    """A schema that changes gets a golden file of its new shape: `python -m tests.golden.schemas.write`."""
    schema = schema_of(VALUE_TYPES[topic])
    kept = [shape(json.loads(path.read_text(encoding="utf-8"))["schema"]) for path in FOLDER.glob(f"{schema['name']}.v*.json")]

    assert shape(schema) in kept
