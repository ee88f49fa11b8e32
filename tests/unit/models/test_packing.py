"""Kept vectors in few bytes."""

import zlib

import numpy as np

from models.features.packing import LONGEST, NO_NAMES, PACKED, PLACES, USUAL, pack, unpack
from models.features.registry import WIDTH
from models.features.vector import FeatureVector, categorical_id, numeric_id

DENSE = np.log1p(np.arange(WIDTH)).astype(np.float32)


def a_vector(*ids: int) -> bytes:
    return FeatureVector(DENSE, np.array(ids, np.uint64), np.ones(len(ids), np.float32)).to_bytes()


def test_the_second_vector_of_a_lead_names_nothing_again():
    """A count is a place and a code, a category a place and its value."""
    ids = (categorical_id("plan", "pro"), numeric_id("pages"), numeric_id("seconds"))
    first, names = pack(a_vector(*ids), NO_NAMES)
    second, after = pack(a_vector(*ids), names)
    head, masks, places, codes, category = 2, 3, 3, WIDTH + 2, 4

    assert len(first) == len(second) == head + masks + places + codes + category
    assert [one >> 32 for one in ids] == after.tolist() == names.tolist()


def test_what_has_no_place_in_a_full_table_is_written_out():
    """A lead that meets ever new attributes costs more, and is read all the same."""
    full = np.arange(PLACES, dtype=np.uint32)
    vector = a_vector(numeric_id("pages"), numeric_id("seconds"))
    packed, after = pack(vector, full)

    assert vector == unpack(packed, full)
    assert after is full


def test_a_vector_with_too_many_features_stays_as_it_is():
    """Their number is a byte."""
    vector = a_vector(*(numeric_id(f"n{i}") for i in range(LONGEST + 1)))

    assert vector == pack(vector, NO_NAMES)[0] == unpack(vector, NO_NAMES)
    assert PACKED == pack(a_vector(*(numeric_id(f"n{i}") for i in range(LONGEST))), NO_NAMES)[0][0]


def test_usual_numbers_have_the_codes_that_state_holds():
    """What was written under other codes could not be read: they never change."""
    assert (256, 0xB6D36BD3) == (len(USUAL), zlib.crc32(USUAL.tobytes()))
