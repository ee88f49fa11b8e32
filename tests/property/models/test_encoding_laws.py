"""Laws of state: what is written is read again, to the bit, and goes on as if it had never been bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models import memory as m
from models.enrichment import Acquaintance
from models.features.registry import WIDTH
from models.features.vector import FeatureVector, vector_from_bytes
from models.learning.hazard_model import HazardModel, model_from_bytes
from models.memory import LeadMemory, PendingPoint
from models.pairing import KeptPoint, KeptShadow, point_from_bytes
from models.remembrance import Remembrance
from models.replay import DictMemories
from schemas.enriched import EnrichedEvent
from schemas.model_snapshot import LEARNER
from schemas.policy import TenantPolicy
from tests.builders import a_model
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


shadows = st.builds(KeptShadow, names, doubles, st.binary(max_size=5).map(lambda data: 8 * data))


@st.composite
def vectors(draw: st.DrawFn) -> FeatureVector:
    """Any vector, with any bits."""
    n = draw(st.integers(0, 20))
    return FeatureVector(draw(arrays.arrays(np.float32, WIDTH)), draw(arrays.arrays(np.uint64, n)), draw(arrays.arrays(np.float32, n)))


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


@given(arrays.arrays(np.float64, m.ROW_WIDTH), st.lists(points, max_size=70))
def test_a_memory_survives_its_bytes(row: m.Row, pending: list[PendingPoint]):
    """Row and points come back bit for bit."""
    read = LeadMemory.from_bytes(LeadMemory(row, pending).to_bytes())

    assert (row.tobytes(), pending) == (read.row.tobytes(), read.pending)


@given(names, st.integers(0, 2**63), doubles, st.lists(doubles, max_size=6).map(tuple), st.binary(max_size=200), names, st.lists(shadows, max_size=3))
def test_a_kept_point_survives_its_bytes(
    event_id: str, version: int, propensity: float, hazards: tuple[float, ...], features: bytes, learner: str, beside: list[KeptShadow]
):
    """The prediction as it was published, its features, and what challengers said; what the first learner alone scored is as short as ever."""
    point = KeptPoint(event_id, version, propensity, hazards, features, learner, tuple(beside))
    alone = point._replace(learner=LEARNER, shadows=())

    assert point == point_from_bytes(point.to_bytes())
    assert alone == point_from_bytes(alone.to_bytes())
    assert 20 + 8 * len(hazards) + len(event_id.encode()) + len(features) == len(alone.to_bytes())


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
