"""The learners that a tenant may have: one that every tenant has, and challengers that differ in one thing each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from schemas.model_snapshot import LEARNER

RATES = (0.002, 0.008, 0.032, 0.128)
"""Four learning rates a factor of four apart: many events per lead want small ones, one event per lead and drift want large ones."""
STEP = 4.0
"""As far apart as neighbouring rates of one learner: a challenger moves the whole range by one place."""


class Configuration(NamedTuple):
    """What is different.

    Parameters
    ----------
    rates
        Learning rates under Hedge, in rising order.
    with_base
        Whether it sees the nightly base's logit.
    """

    rates: tuple[float, ...] = RATES
    with_base: bool = True


CONFIGURATIONS: Mapping[str, Configuration] = MappingProxyType(
    {
        LEARNER: Configuration(),
        "slow": Configuration(rates=tuple(rate / STEP for rate in RATES)),  # for a market that stands still
        "fast": Configuration(rates=tuple(rate * STEP for rate in RATES)),  # for one that drifts
        "plain": Configuration(with_base=False),  # for one whose nights mislead
    }
)
CHALLENGERS = tuple(name for name in CONFIGURATIONS if name != LEARNER)
