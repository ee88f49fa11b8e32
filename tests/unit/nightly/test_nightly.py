"""The nightly base: its columns, its trees, their export, its bytes."""

import msgpack
import numpy as np
import pytest

from models.features.registry import WIDTH
from models.features.vector import categorical_id
from models.nightly.base import HIGHEST, LOWEST, NightlyBase
from models.nightly.booster import fit
from models.nightly.columns import CATEGORY_COLUMNS, SUPPORT, Columns, FeatureVectors
from models.nightly.export import exported, parity
from models.nightly.harvest import LEAST, Harvest
from models.nightly.session import Session
from models.nightly.training import held_out, train
from models.nightly.trees import pairs
from schemas.errors import ParityError, PoisonRecordError, SkippableError
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import MONDAY, later
from tests.unit.nightly.grown import FAIR, STAY, WEB, a_ripe_harvest, an_example


@pytest.fixture(scope="module")
def base() -> NightlyBase:
    return train(a_ripe_harvest(), now=MONDAY).base


def of_one(*sparse: tuple[int, float]) -> FeatureVectors:
    ids, values = [one[0] for one in sparse], [one[1] for one in sparse]
    return FeatureVectors(np.zeros((1, WIDTH), np.float32), np.array(ids, np.uint64), np.array(values, np.float32), np.array([len(ids)]))


def test_the_base_tells_leads_apart(base: NightlyBase):
    """What converted is scored above what did not; a long stay counts on the web."""
    fair, long_stay, short_stay = (
        float(base.propensities(of_one(*sparse))[0]) for sparse in ([(FAIR, 1.0)], [(WEB, 1.0), (STAY, 1.0)], [(WEB, 1.0), (STAY, -1.0)])
    )

    assert min(fair, long_stay) - short_stay > 0.3


def test_an_export_says_what_the_trees_say():
    """To 1e-5, with holes in the data."""
    assert train(a_ripe_harvest(), now=MONDAY).parity < 1e-5


def test_an_export_that_says_something_else_is_refused():
    """The ONNX of other trees is not published."""
    ripe, other = a_ripe_harvest(), a_ripe_harvest(seed=2)
    columns = Columns.chosen(ripe.vectors)
    trees, others = fit(columns.matrix(ripe.vectors), ripe.converted), fit(columns.matrix(other.vectors), other.converted)

    with pytest.raises(ParityError, match="not published"):
        parity(trees, exported(others, columns.width), columns.matrix(ripe.vectors))


def test_a_base_is_the_same_from_its_bytes(base: NightlyBase):
    """Bit for bit, and so are its bytes."""
    restored, vectors = NightlyBase.from_bytes(base.to_bytes()), a_ripe_harvest(seed=3).vectors

    assert (base.to_bytes(), base.logits(vectors).tolist()) == (restored.to_bytes(), restored.logits(vectors).tolist())


def test_the_same_examples_give_the_same_base(base: NightlyBase):
    """Training is a function."""
    assert base.to_bytes() == train(a_ripe_harvest(), now=MONDAY).base.to_bytes()


def test_a_vector_has_the_same_logit_in_any_batch(base: NightlyBase):
    """Alone, or among 600."""
    vectors = a_ripe_harvest().vectors
    alone = [base.logits(vectors.take(np.array([i])))[0] for i in range(50)]

    assert alone == base.logits(vectors)[:50].tolist()


@pytest.mark.parametrize("data", [b"", b"\x93", b"no base", msgpack.packb([9, 0, 0, b"", [], b""]), msgpack.packb([1, 0, 0, b"", [], b"no onnx"])])
def test_bytes_that_are_no_base_are_refused(data: bytes):
    """With an error that says so, of whatever kind the damage is."""
    with pytest.raises(PoisonRecordError):
        NightlyBase.from_bytes(data)


def test_a_base_whose_trees_want_other_columns_is_refused(base: NightlyBase):
    """It would read a feature as another."""
    with pytest.raises(PoisonRecordError, match="columns"):
        NightlyBase(trained_at=0, examples=1, columns=Columns(base.columns.ids[:1]), pairs=[], onnx=base.onnx)


def test_a_foreign_onnx_model_is_refused():
    """Bytes of another kind."""
    with pytest.raises(PoisonRecordError):
        Session(b"\x00" * 64)


def test_absurd_and_unknown_features_change_nothing_or_little(base: NightlyBase):
    """NaN, infinity and features of another world: a finite propensity within bounds."""
    strange = of_one((WEB, 1.0), (STAY, np.nan), (STAY ^ (2 << 32), np.inf), (categorical_id("planet", "mars"), 1.0))
    strange.dense[0, :3] = (np.nan, np.inf, -np.inf)

    assert LOWEST <= float(base.propensities(strange)[0]) <= HIGHEST


def test_no_vectors_have_no_logits(base: NightlyBase):
    """An empty batch is no error."""
    assert [] == base.logits(FeatureVectors.of([])).tolist()


def test_a_category_with_a_million_values_has_few_columns():
    """The most frequent ones, and none that hardly ever occurs."""
    ids = np.repeat([categorical_id("page", str(i)) for i in range(2_000)], [SUPPORT - 1 if i < 1_000 else SUPPORT + i % 7 for i in range(2_000)])
    n = len(ids)
    vectors = FeatureVectors(np.zeros((n, WIDTH), np.float32), ids.astype(np.uint64), np.ones(n, np.float32), np.arange(1, n + 1))

    assert CATEGORY_COLUMNS == len(Columns.chosen(vectors).ids)


def test_a_feature_that_is_ruled_out_has_no_column():
    """As a base's own logit has none in the next base."""
    columns = Columns.chosen(a_ripe_harvest().vectors, without=frozenset({STAY}))

    assert sorted([FAIR, WEB]) == columns.ids.tolist()


def test_trees_tell_which_features_belong_together():
    """A stay counts only on the web: this pair gains most."""
    ripe = a_ripe_harvest(3_000)
    columns = Columns.chosen(ripe.vectors)
    best = pairs(fit(columns.matrix(ripe.vectors), ripe.converted), columns)[0]

    assert best[:2] in {tuple(sorted((source, STAY))) for source in (FAIR, WEB)}


def test_a_conversion_is_ripe_when_its_window_is_over():
    """Not when it is known: silence takes the whole window, and both must be there in proportion."""
    harvest = Harvest(TenantPolicy(window_ms=30 * DAY_MS))
    harvest.add([an_example(is_converted=True, after_days=3), an_example(after_days=30), an_example(is_final=False, after_days=7)])

    assert [0, 2] == [len(harvest.ripe(later(MONDAY, days=days)).converted) for days in (29, 30)]


def test_without_a_window_an_example_is_ripe_when_it_is_known():
    """There is nothing to wait for."""
    harvest = Harvest(TenantPolicy(window_ms=None))
    harvest.add([an_example(after_days=2)])

    assert [0, 1] == [len(harvest.ripe(later(MONDAY, days=days)).converted) for days in (1, 2)]


def test_trees_are_grown_when_there_are_labels_enough_and_then_when_there_are_more():
    """200 labels with both outcomes; after that, a twentieth more."""
    harvest = Harvest(TenantPolicy(window_ms=None))
    due = []
    for count, is_converted in ((LEAST - 1, False), (1, False), (10, True), (10, True), (2, True)):
        harvest.add([an_example(is_converted=is_converted)] * count)
        due.append(harvest.is_due(MONDAY))
        if due[-1]:
            harvest.ripe(MONDAY)

    assert [False, False, True, False, True] == due


def test_a_harvest_is_the_same_in_whatever_order_it_arrives():
    """Examples are put in order before they are trained on."""
    examples = [an_example(at=later(MONDAY, days=i % 5), stay=float(i), is_converted=i % 3 == 0) for i in range(20)]
    harvests = [Harvest(TenantPolicy(window_ms=None)) for _ in range(2)]
    harvests[0].add(examples)
    harvests[1].add(examples[::-1])
    one, other = (harvest.ripe(later(MONDAY, days=9)) for harvest in harvests)

    assert (one.vectors.values.tolist(), one.converted.tolist()) == (other.vectors.values.tolist(), other.converted.tolist())


def test_nothing_is_trained_where_nobody_converted():
    """A tenant with only negatives gets no base, and is told why."""
    ripe = a_ripe_harvest()

    with pytest.raises(SkippableError, match="0 of 600"):
        train(ripe._replace(converted=np.zeros(600, np.bool_)), now=MONDAY)


def test_the_holdout_is_later_than_what_was_trained_on():
    """Examples as of the given instant or later, and no others."""
    ripe = a_ripe_harvest()
    now = int(ripe.as_of[500])
    result = held_out(ripe, ripe, now=now)

    assert (100, 600) == (len(result.converted), result.trained_on)
