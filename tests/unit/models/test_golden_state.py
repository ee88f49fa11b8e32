"""State that an older release wrote."""

import json
from pathlib import Path

import pytest

from tests.golden.state.write import ENCODINGS, FOLDER, FORGOTTEN

GOLDEN = sorted(FOLDER.glob("*.v*.bin"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_an_older_release_kept_is_still_read(path: Path):
    """Savepoints outlive releases: every golden file means what it meant."""
    what = path.stem.partition(".")[0]
    meant = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    means = json.loads(json.dumps(ENCODINGS[what].meaning(path.read_bytes())))
    for name in FORGOTTEN.get(path.stem, ()):
        for meaning in (meant, means):
            meaning.get("model", meaning).pop(name, None)

    assert meant == means


@pytest.mark.parametrize("what", ENCODINGS)
def test_every_encoding_has_its_golden_file(what: str):
    """A new version gets one: `python -m tests.golden.state.write`."""
    assert (FOLDER / f"{what}.v{ENCODINGS[what].version}.bin").exists()


@pytest.mark.parametrize("what", ENCODINGS)
def test_an_encoding_does_not_change_without_its_version(what: str):
    """What this version wrote when it was made is written again to the byte."""
    written = (FOLDER / f"{what}.v{ENCODINGS[what].version}.bin").read_bytes()

    assert written == ENCODINGS[what].again(written)
