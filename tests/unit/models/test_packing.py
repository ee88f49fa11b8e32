"""Kept vectors in few bytes."""

import zlib

import numpy as np

from models.features.packing import LONGEST, NO_NAMES, PACKED, PLACES, USUAL, unpack
from models.features.registry import WIDTH
from models.features.vector import FeatureVector, categorical_id, digest, numeric_id
from models.memory import LeadMemory
from models.pairing import PENDING_LIMIT
from schemas.policy import TenantPolicy
from tests.builders import MONDAY, TUESDAY, arrived, later, viewed_page, won
from tests.lane import Lane
from tests.packed import packed_alone

ADA = "acme|ada"
DENSE = np.log1p(np.arange(WIDTH)).astype(np.float32)


def a_vector(*ids: int) -> bytes:
    return FeatureVector(DENSE, np.array(ids, np.uint64), np.ones(len(ids), np.float32)).to_bytes()


def test_the_second_vector_of_a_lead_names_nothing_again():
    """A count is a place and a code, a category a place and its value."""
    ids = (categorical_id("plan", "pro"), numeric_id("pages"), numeric_id("seconds"))
    first, names = packed_alone(a_vector(*ids), NO_NAMES)
    second, after = packed_alone(a_vector(*ids), names)
    head, masks, places, codes, category = 2, 3, 3, WIDTH + 2, 4

    assert len(first) == len(second) == head + masks + places + codes + category
    assert [one >> 32 for one in ids] == after.tolist() == names.tolist()


def test_what_has_no_place_in_a_full_table_is_written_out():
    """A lead that meets ever new attributes costs more, and is read all the same."""
    full = np.arange(PLACES, dtype=np.uint32)
    vector = a_vector(numeric_id("pages"), numeric_id("seconds"))
    packed, after = packed_alone(vector, full)

    assert vector == unpack(packed, full)
    assert after is full


def test_a_vector_with_too_many_features_stays_as_it_is():
    """Their number is a byte."""
    vector = a_vector(*(numeric_id(f"n{i}") for i in range(LONGEST + 1)))

    assert vector == packed_alone(vector, NO_NAMES)[0] == unpack(vector, NO_NAMES)
    assert PACKED == packed_alone(a_vector(*(numeric_id(f"n{i}") for i in range(LONGEST))), NO_NAMES)[0][0]


def test_usual_numbers_have_the_codes_that_state_holds():
    """What was written under other codes could not be read: they never change."""
    assert (256, 0xB6D36BD3) == (len(USUAL), zlib.crc32(USUAL.tobytes()))


def test_examples_carry_the_vectors_that_were_scored():
    """Packed by names that grow with every event, and read after a restart."""
    lane = Lane()
    lane.take(arrived(*(viewed_page(at=later(MONDAY, minutes=i), properties={f"property {i}": float(i)}) for i in range(PENDING_LIMIT))))
    lane.restart()
    lane.advance()

    assert {one.event_id: one.feature_digest for one in lane.scores} == {one.event_id: digest(one.features) for one in lane.examples}


def test_names_of_points_that_wait_no_more_are_forgotten():
    """A lead that is met for years does not keep all it ever said."""
    lane = Lane(policy=TenantPolicy(window_ms=None, is_repeatable=True))
    later_pages = [viewed_page(at=later(TUESDAY, hours=i), properties={"b": 1.0}) for i in (1, 2)]
    first, outcome, *others = arrived(viewed_page(at=MONDAY, properties={"a": 1.0}), won(at=TUESDAY), *later_pages)
    lane.take([first])
    before = lane.memories.load(ADA).names.tolist()
    lane.take([outcome])
    lane.take(others)
    names = LeadMemory.from_bytes(lane.memories.load(ADA).to_bytes()).names.tolist()

    assert numeric_id("a") >> 32 in before
    assert (False, True) == (numeric_id("a") >> 32 in names, numeric_id("b") >> 32 in names)
