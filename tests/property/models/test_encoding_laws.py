"""Laws of state: what is written is read again, to the bit, and goes on as if it had never been bytes."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models import memory as m
from models.enrichment import Acquaintance
from models.features.packing import NO_NAMES, PLACES, Names, pack, unpack
from models.features.registry import WIDTH
from models.features.vector import LOW, VERSION, FeatureVector, categorical_id, numeric_id, vector_from_bytes
from models.frozen import LEAST, MOST, STEP, hazards_kept, kept_hazards
from models.learning.hazard_model import HazardModel, model_from_bytes
from models.memory import LeadMemory, PendingPoint
from models.pairing import KeptPoint, KeptShadow, point_from_bytes
from models.remembrance import Remembrance
from models.replay import DictMemories
from schemas.enriched import EnrichedEvent
from schemas.errors import FatalError
from schemas.model_snapshot import LEARNER
from schemas.policy import TenantPolicy
from tests.builders import a_model
from tests.packed import packed_alone
from tests.property.models.stories import stories
from tests.strategies import longs, maybe_names, names, numbers_by_name, texts_by_name

doubles = st.floats(allow_nan=False, allow_infinity=False)
uint32 = st.integers(0, 2**32 - 1)
points = st.builds(
    PendingPoint,
    sequence=uint32,
    as_of=longs,
    next_interval=st.integers(0, 5),
    draw=uint32,
    outcome_at=longs,
    is_won=st.integers(0, 1),
)


kept = st.binary(max_size=6).map(hazards_kept)
attributes = st.lists(uint32, max_size=PLACES, unique=True).map(lambda some: np.array(some, np.uint32))
IDS = [*(numeric_id(f"count {n}") for n in range(12)), *(categorical_id("plan", f"{n}") for n in range(12))]
usual = st.integers(0, 60).map(float) | st.integers(0, 250).map(lambda n: float(np.log1p(n))) | st.floats(0.0, 30.0)
shadows = st.builds(KeptShadow, names, doubles, kept)


@st.composite
def vectors(draw: st.DrawFn) -> FeatureVector:
    """Any vector, with any bits."""
    n = draw(st.integers(0, 20))
    return FeatureVector(draw(arrays.arrays(np.float32, WIDTH)), draw(arrays.arrays(np.uint64, n)), draw(arrays.arrays(np.float32, n)))


@st.composite
def alike_vectors(draw: st.DrawFn) -> FeatureVector:
    """A vector as leads have them: few attributes, in the same order, that say small counts or are categories."""
    ids = sorted(draw(st.sets(st.sampled_from(IDS))))
    values = [1.0 if one & LOW else draw(usual) for one in ids]
    dense = draw(st.lists(usual, min_size=WIDTH, max_size=WIDTH))
    return FeatureVector(np.array(dense, np.float32), np.array(ids, np.uint64), np.array(values, np.float32))


@st.composite
def models(draw: st.DrawFn) -> HazardModel:
    """Any model whose numbers are finite."""
    model = a_model(intervals=draw(st.integers(1, 6)))
    singles = st.floats(-(2.0**99), 2.0**99, width=32)
    return model._replace(
        start=draw(doubles),
        evidence=draw(st.integers(0, 2**60)),
        base_share=draw(st.floats(0.0, 1.0)),
        slope=draw(st.floats(0.1, 1.9)),
        pivot=draw(st.floats(-30.0, 30.0)),
        base_mean=draw(st.floats(-30.0, 30.0)),
        context=draw(st.integers(-1, len(model.attributes) - 1)),
        with_clock=draw(st.booleans()),
        mean=draw(arrays.arrays(np.float64, model.mean.shape, elements=doubles)),
        weight=draw(arrays.arrays(np.float32, model.weight.shape, elements=singles)),
        baseline=draw(arrays.arrays(np.float32, model.baseline.shape, elements=singles)),
    )


@given(arrays.arrays(np.float64, m.ROW_WIDTH), st.lists(points, max_size=70), attributes)
def test_a_memory_survives_its_bytes(row: m.Row, pending: list[PendingPoint], named: Names):
    """Row and points come back bit for bit, and what the points' vectors name."""
    read = LeadMemory.from_bytes(LeadMemory(row, pending, named).to_bytes())

    assert (row.tobytes(), pending) == (read.row.tobytes(), read.pending)
    assert (named if pending else NO_NAMES).tolist() == read.names.tolist()


@given(names, st.integers(0, 2**63), doubles, kept, st.binary(max_size=200).map(lambda data: VERSION + data), names, st.lists(shadows, max_size=3))
def test_a_kept_point_survives_its_bytes(
    event_id: str, version: int, propensity: float, hazards: tuple[float, ...], features: bytes, learner: str, beside: list[KeptShadow]
):
    """The prediction as it was published, its features, what challengers said, and where it was published if its lead has moved."""
    point = KeptPoint(event_id, version, propensity, hazards, features, learner, tuple(beside))
    alone = point._replace(learner=LEARNER, shadows=())
    moved = point._replace(lead="b-1", sequence=3)

    assert [point, alone, moved] == [point_from_bytes(one.to_bytes()) for one in (point, alone, moved)]


@given(st.lists(vectors() | alike_vectors(), max_size=8), attributes)
def test_a_packed_vector_is_the_same_again(many: list[FeatureVector], named: Names):
    """Every bit, also after the lead's table has grown by other vectors."""
    whole, packed = [vector.to_bytes() for vector in many], []
    for vector in whole:
        data, named = packed_alone(vector, named)
        packed.append(data)

    assert whole == [unpack(data, named) for data in packed]
    assert len(named) <= PLACES


@given(st.lists(st.tuples(vectors() | alike_vectors(), st.integers(0, 1), st.booleans()), min_size=1, max_size=8), attributes)
def test_vectors_of_a_batch_are_packed_as_one_by_one(many: list[tuple[FeatureVector, int, bool]], named: Names):
    """Whichever leads they are of, and wherever a table begins anew."""
    tables, alone = [NO_NAMES, named], []
    for vector, lead, is_first in many:
        data, tables[lead] = packed_alone(vector.to_bytes(), NO_NAMES if is_first else tables[lead])
        alone.append(data)
    found, leads, firsts = zip(*many, strict=True)
    packed, after = pack([vector.to_bytes() for vector in found], leads, firsts, [NO_NAMES, named])

    assert alone == packed
    assert [table.tolist() for table in tables] == [table.tolist() for table in after]


@given(alike_vectors(), attributes, st.data())
def test_a_damaged_vector_is_refused_or_another(vector: FeatureVector, named: Names, data: st.DataObject):
    """Whatever the bytes, nothing is read beyond them."""
    packed = bytearray(packed_alone(vector.to_bytes(), named)[0])
    packed[data.draw(st.integers(1, len(packed) - 1))] = data.draw(st.integers(0, 255))
    packed = packed[: data.draw(st.integers(1, len(packed)))]
    try:
        read = vector_from_bytes(unpack(bytes(packed), named))
    except FatalError:
        return

    assert packed[1] == len(read.ids)


@given(arrays.arrays(np.float64, (3, 4), elements=st.floats(0.0, 1.0)))
def test_kept_hazards_are_what_they_were_to_hedge(hazards: npt.NDArray[np.float64]):
    """Within half a step of their logit, further out than Hedge looks; and keeping them again changes nothing."""
    data = kept_hazards(hazards)
    read = np.array([hazards_kept(row.tobytes()) for row in data])
    logits = [np.log(clipped / (1.0 - clipped)) for clipped in (np.clip(one, LEAST, MOST) for one in (hazards, read))]

    assert np.abs(logits[0] - logits[1]).max() < 0.501 * STEP
    assert (kept_hazards(read) == data).all()


@given(vectors())
def test_a_vector_survives_its_bytes(vector: FeatureVector):
    """Every single-precision bit."""
    assert vector.to_bytes() == vector_from_bytes(vector.to_bytes()).to_bytes()


@given(models())
def test_a_model_survives_its_bytes(model: HazardModel):
    """A score that names a version can be computed again from it."""
    read = model_from_bytes(model.to_bytes())

    assert model.to_bytes() == read.to_bytes()


@given(texts_by_name, numbers_by_name, maybe_names, st.dictionaries(st.integers(0, 2**64 - 1), longs), longs, longs, longs)
def test_an_acquaintance_survives_its_bytes(texts: dict, numbers: dict, account_id: str | None, recent: dict, sequence: int, last_at: int, due: int):
    """Profile, account, recent events in their order, and the place in the queue."""
    known = Acquaintance()
    known.texts, known.numbers, known.account_id, known.recent = texts, numbers, account_id, recent
    known.sequence, known.last_at, known.queued_for = sequence, last_at, due
    read = Acquaintance.from_bytes(known.to_bytes())

    assert [getattr(known, name) for name in Acquaintance.__slots__] == [getattr(read, name) for name in Acquaintance.__slots__]
    assert list(recent) == list(read.recent)


@given(stories(with_outcomes=False))
def test_vectors_of_a_batch_are_written_as_each_alone(records: list[EnrichedEvent]):
    """Cut from the whole, for speed, they are the same bytes."""
    batch = Remembrance(lambda _: TenantPolicy()).remember(records, DictMemories()).vectors

    assert [batch.one(i).to_bytes() for i in range(len(batch.ends))] == batch.to_bytes()
