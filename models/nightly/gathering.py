"""Matured examples as a topic holds them → what a night trains on: of each tenant, each point once."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from models.features.vector import vector_from_bytes
from models.nightly.harvest import LIMIT
from models.nightly.training import Holdout, Trained, latest
from models.progress import Progress, ProgressStore
from schemas.errors import PoisonRecordError
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy


class Gathering:
    """Keeps the final examples of each tenant, at most LIMIT of them; the oldest make room.

    Parameters
    ----------
    policies
        Tenant → policy; a tenant that is not in it has the default one.
    store
        Makes an empty store, for what was met of each lead: examples that were published again teach once.
    """

    def __init__(self, policies: Mapping[str, TenantPolicy], store: Callable[[], ProgressStore]) -> None:
        self._policies = policies
        self._progress = Progress(store())
        self._finals: dict[str, deque[MaturedExample]] = {}
        self.unreadable = 0

    def add(self, examples: Iterable[MaturedExample]) -> None:
        """Take examples in the order of their topic; those whose vector cannot be read are counted and left out."""
        for example in self._progress.unlearned(list(examples)):
            if not example.is_final:
                continue
            try:
                vector_from_bytes(example.features)
            except PoisonRecordError:
                self.unreadable += 1
            else:
                self._finals.setdefault(example.tenant, deque(maxlen=LIMIT)).append(example)

    def tenants(self) -> list[str]:
        """Those that there is something of."""
        return sorted(self._finals)

    def train(self, tenant: str) -> tuple[Trained, Holdout | None]:
        """The tenant's base, and what one of the earlier examples would have been worth (`training.latest`).

        Raises
        ------
        SkippableError
            There is too little to learn from.
        ParityError
            The export says something else than the trees: keep the base there is.
        """
        return latest(list(self._finals.get(tenant, ())), self._policies.get(tenant, TenantPolicy()))
