"""What a tenant without labels begins with."""

import pytest

from models.learning.hazard_learner import HazardLearner
from models.pool import pool_from_bytes, pooled, serves
from models.student import Student
from schemas.errors import ConfigError
from schemas.model_snapshot import LEARNER
from schemas.policy import TenantPolicy
from tests.builders import TENANT
from tests.unit.nightly.test_gathering import a_point

AT_ONCE = TenantPolicy(window_ms=None)
POINTS = [*(a_point(number) for number in range(60)), *(a_point(number, tenant="globex") for number in range(40))]


def test_a_pool_is_what_one_learner_learns_of_all():
    """In their order, whosever they are."""
    learner = HazardLearner(prior=0.15, intervals=1)
    for point in POINTS:
        learner.learn(point)

    assert learner.model().to_bytes() == pooled(POINTS, [AT_ONCE, AT_ONCE]).to_bytes()


def test_tenants_with_and_without_a_window_make_no_pool():
    """Their labels say different things; nor do no tenants at all."""
    for policies in ([AT_ONCE, TenantPolicy()], []):
        with pytest.raises(ConfigError, match="attribution window"):
            pooled(POINTS, policies)


def test_a_new_student_begins_with_the_pool():
    """Its first learner alone, with no label of its own; one whose window is another begins with its prior."""
    pool = pooled(POINTS, [AT_ONCE])
    begun, other = Student(TENANT, AT_ONCE._replace(challengers=("slow",)), pool), Student(TENANT, TenantPolicy(), pool)
    nothing = HazardLearner(prior=0.15, intervals=1, configuration="slow")

    assert HazardLearner.from_pool(pool, prior=0.15).to_bytes() == begun.champion.to_bytes()
    assert (0, nothing.to_bytes()) == (begun.champion.model().evidence, begun.learners["slow"].to_bytes())
    assert HazardLearner(prior=0.15, intervals=5).to_bytes() == other.learners[LEARNER].to_bytes()
    assert (True, False, False) == (serves(pool, AT_ONCE), serves(pool, TenantPolicy()), serves(None, AT_ONCE))


def test_a_file_that_is_no_pool_stops_the_start():
    """Naming the variable; without one there is no pool."""
    with pytest.raises(ConfigError, match="PROX_POOL_FILE"):
        pool_from_bytes(b"?")

    assert pool_from_bytes(None) is None
