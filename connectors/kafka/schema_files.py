"""Schemas and their ids on disk, for a start while the registry is away."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from schemas.codec import Schema, schema_of
from schemas.topics import VALUE_TYPES, Topic


class SchemaFiles:
    """A folder of what one registry said. Ids of another registry never mix in: its address is part of the folder's name.

    Parameters
    ----------
    folder
        Where the folder of this registry is made.
    registry_url
        Whose schemas these are.
    """

    def __init__(self, folder: Path, registry_url: str) -> None:
        self._folder = folder / hashlib.sha256(registry_url.encode()).hexdigest()[:16]

    def schema(self, schema_id: int) -> Schema | None:
        """The schema with this id, if it was met before."""
        found = _load(self._folder / f"schema-{schema_id}.json")
        return found if isinstance(found, dict) else None

    def keep_schema(self, schema_id: int, schema: Schema) -> None:
        """Remember a schema. An id never changes its meaning, so it is never dropped."""
        _save(self._folder / f"schema-{schema_id}.json", schema)

    def ids(self, subjects: Mapping[Topic, str]) -> dict[Topic, int] | None:
        """Ids of this release's own schemas; None if one was never met, or was another release's."""
        found = _load(self._folder / "ids.json")
        if not isinstance(found, dict):
            return None
        ids = {topic: found.get(_identity(topic, subject)) for topic, subject in subjects.items()}
        known = {topic: schema_id for topic, schema_id in ids.items() if isinstance(schema_id, int)}
        return known if len(known) == len(ids) else None

    def keep_ids(self, subjects: Mapping[Topic, str], ids: Mapping[Topic, int]) -> None:
        """Remember the ids of our own schemas."""
        found = _load(self._folder / "ids.json")
        kept = found if isinstance(found, dict) else {}
        _save(self._folder / "ids.json", kept | {_identity(topic, subjects[topic]): schema_id for topic, schema_id in ids.items()})


def _identity(topic: Topic, subject: str) -> str:
    # the schema's own text too: after an upgrade an old id must not be written before bytes of a new shape
    text = json.dumps(schema_of(VALUE_TYPES[topic]), sort_keys=True)
    return f"{subject}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _load(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _save(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # written beside and moved: a reader never sees half of it; the name is the call's own, as operators of one process save at once
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=path.name, suffix=".part", delete=False) as part:
        json.dump(content, part, sort_keys=True)
    Path(part.name).replace(path)
