"""A model of several tenants together, which a tenant without labels of its own begins with."""

from collections.abc import Iterable, Sequence

from models.learning.hazard_learner import HazardLearner
from models.learning.hazard_model import HazardModel, model_from_bytes
from schemas.errors import ConfigError, PoisonRecordError
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy


def pooled(examples: Iterable[MaturedExample], policies: Sequence[TenantPolicy]) -> HazardModel:
    """What the examples teach one learner, in their order.

    Parameters
    ----------
    examples
        Of tenants that have agreed to it, each label once. What one tenant alone calls a feature is learned too, and means nothing to others.
    policies
        Of those tenants.

    Raises
    ------
    ConfigError
        There are no tenants, or some have a window and some have none: their labels say different things.
    """
    intervals = {intervals_of(policy) for policy in policies}
    if len(intervals) != 1:
        raise ConfigError("a pool is of tenants that all have an attribution window, or all have none")
    learner = HazardLearner(prior=sum(policy.prior for policy in policies) / len(policies), intervals=intervals.pop())
    for example in examples:
        learner.learn(example)
    return learner.model()


def pool_from_bytes(data: bytes | None) -> HazardModel | None:
    """The pool of a deployment; None: it has none.

    Raises
    ------
    ConfigError
        The bytes are no model of this release.
    """
    try:
        return None if data is None else model_from_bytes(data)
    except PoisonRecordError as exc:
        raise ConfigError(f"PROX_POOL_FILE: {exc}; train it again with this release") from exc


def serves(pool: HazardModel | None, policy: TenantPolicy) -> bool:
    """Whether a tenant can begin with the pool: both have a window, or neither."""
    return pool is not None and pool.intervals == intervals_of(policy)


def intervals_of(policy: TenantPolicy) -> int:
    """K, at least 1."""
    return max(len(policy.interval_ends_ms), 1)
