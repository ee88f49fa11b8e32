"""The nights of one tenant in a replay: at midnight, event time, a new base is trained if enough is new."""

from collections.abc import Iterable

from models.features.vector import PATTERN_MODEL
from models.nightly.base import NightlyBase
from models.nightly.harvest import Harvest
from models.nightly.training import train
from schemas.example import MaturedExample
from schemas.policy import DAY_MS, TenantPolicy


class Nights:
    """Gathers examples and trains by night.

    Parameters
    ----------
    policy
        Whose window it is.
    without
        Feature ids that the trees must not see (`training.train`).
    """

    def __init__(self, policy: TenantPolicy, *, without: frozenset[int] = frozenset({PATTERN_MODEL})) -> None:
        self.base: NightlyBase | None = None
        self._harvest = Harvest(policy)
        self._without = without
        self._last = 0

    def add(self, examples: Iterable[MaturedExample]) -> None:
        """Take examples as they mature."""
        self._harvest.add(examples)

    def pass_until(self, now: int) -> NightlyBase | None:
        """Let the nights up to this instant of event time, in ms, pass; gives the new base if one was trained.

        Of several midnights the last counts: nothing was scored between them.

        Raises
        ------
        ParityError
            An export says something else than its trees.
        """
        midnight = now // DAY_MS * DAY_MS
        if midnight <= self._last:
            return None
        self._last = midnight
        if not self._harvest.is_due(midnight):
            return None
        self.base = train(self._harvest.ripe(midnight), now=midnight, without=self._without).base
        return self.base
