"""What a night trains on, from a topic that holds repeats and what nobody can read."""

import numpy as np
import pytest

from models.features.vector import PATTERN_MODEL, FeatureVector, vector_from_bytes
from models.nightly.gathering import Gathering
from models.replay import DictStore
from schemas.errors import SkippableError
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy
from tests.builders import MONDAY, TENANT, later
from tests.unit.nightly.grown import an_example

AT_ONCE = {TENANT: TenantPolicy(window_ms=None)}


def a_point(number: int, *, tenant: str = TENANT) -> MaturedExample:
    """Long stays convert; each lead has one point."""
    example = an_example(at=later(MONDAY, minutes=number), is_converted=number % 3 == 0, stay=float(number % 3 == 0) + number / 1e6)
    return example._replace(tenant=tenant, lead=f"lead {number}")


def with_base(example: MaturedExample, logit: float) -> MaturedExample:
    vector = vector_from_bytes(example.features)
    ids, values = np.append(vector.ids, np.uint64(PATTERN_MODEL)), np.append(vector.values, np.float32(logit))
    return example._replace(features=FeatureVector(vector.dense, ids, values).to_bytes())


def test_what_was_published_again_teaches_once():
    """The base is that of a topic without repeats."""
    points = [a_point(number) for number in range(300)]
    once, again = Gathering(AT_ONCE, DictStore), Gathering(AT_ONCE, DictStore)
    once.add(points)
    again.add(points[:200])
    again.add(points[100:])

    assert once.train(TENANT)[0].base.to_bytes() == again.train(TENANT)[0].base.to_bytes()


def test_tenants_are_trained_apart():
    """One tenant's examples are not in another's base, and a tenant without enough of them is told so."""
    gathering = Gathering(AT_ONCE, DictStore)
    gathering.add([*(a_point(number) for number in range(300)), *(a_point(number, tenant="globex") for number in range(20))])

    assert (["acme", "globex"], 300) == (gathering.tenants(), gathering.train(TENANT)[0].base.examples)
    with pytest.raises(SkippableError, match="examples converted"):
        gathering.train("globex")


def test_a_vector_that_cannot_be_read_is_left_out():
    """One bad example takes nobody with it."""
    gathering = Gathering(AT_ONCE, DictStore)
    gathering.add([a_point(0)._replace(features=b"?", lead="eve"), *(a_point(number) for number in range(300))])

    assert (1, 300) == (gathering.unreadable, gathering.train(TENANT)[0].base.examples)


def test_a_base_does_not_learn_from_the_base_before():
    """Its logit, which examples carry, is no column."""
    gathering = Gathering(AT_ONCE, DictStore)
    gathering.add([with_base(a_point(number), 2.0 if number % 3 == 0 else -2.0) for number in range(300)])

    assert PATTERN_MODEL not in gathering.train(TENANT)[0].base.columns.ids
