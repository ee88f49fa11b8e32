"""What the fuzzer has learned (`make fuzz`), replayed: every branch that it reached still keeps the laws."""

from pathlib import Path

import pytest

from tests.fuzz import targets
from tests.fuzz.seeds import SEEDS

CORPUS = Path(targets.__file__).with_name("corpus")
LARGEST_BYTES = 500_000


@pytest.mark.parametrize("name", targets.TARGETS)
def test_every_input_of_the_corpus_keeps_the_laws(name: str):
    """Events, bad events, or a refusal that says why; nothing else, whatever is sent."""
    kept = sorted((CORPUS / name).iterdir())
    for data in (*SEEDS[name], *(path.read_bytes() for path in kept)):
        targets.TARGETS[name](data)

    assert kept


def test_the_corpus_stays_small():
    """An hour's learning, minimised."""
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < LARGEST_BYTES
