"""The JVM's lane of a key is the one that Python would compute: it is part of the state, for the life of a deployment."""

import json
import subprocess
import sys
from hashlib import md5

import pytest

from schemas.ids import lead_key

DIGITS = 4
LANES = (1, 16, 100, 128, 1024)
ODD = (
    "",
    "|",
    "acme|",
    "|ada",
    "acme|a|b",
    "acme|ada lovelace",
    "acme|'; --",
    "acme|Ωμέγα",
    "acme|名前",
    "acme|🦊",
    "acme|\0",
    "acme|a\nb",
    "x" * 5_000,
)
KEYS = [key.encode() for key in (*ODD, *(lead_key("acme", f"lead-{number}") for number in range(2_000)))]
NO_TEXT = [b"\xff\xfe|ada", b"acme|\xc0\x80", bytes(range(256))]


def lane_of(key: bytes, lanes: int) -> int:
    return int(md5(key, usedforsecurity=False).hexdigest()[:DIGITS], 16) % lanes


@pytest.fixture(scope="module")
def lanes_in_flink() -> list[list[int]]:
    """For each of KEYS and NO_TEXT its lane among each number of LANES."""
    keys = json.dumps([key.hex() for key in KEYS + NO_TEXT])
    program = [sys.executable, "-m", "tests.integration.jobs.lanes_in_flink"]
    done = subprocess.run(program, input=keys, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[int]] = json.loads(done.stdout)
    return found


def test_a_lane_is_the_head_of_the_keys_md5(lanes_in_flink: list[list[int]]):
    """Keys of leads, and keys that nobody should send."""
    expected = [[lane_of(key, lanes) for lanes in LANES] for key in KEYS]

    assert expected == lanes_in_flink[: len(KEYS)]


def test_a_key_that_is_no_text_has_a_lane_too(lanes_in_flink: list[list[int]]):
    """Its record must reach an operator, to become a dead letter there; it has no state, so any lane will do."""
    found = lanes_in_flink[len(KEYS) :]

    assert [(True,) * len(LANES)] * len(NO_TEXT) == [tuple(0 <= lane < lanes for lane, lanes in zip(row, LANES, strict=True)) for row in found]
