"""The engine over a stream, without Flink: memories in a dict, labels when event time has come, learning at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from models.due import DueQueue
from models.engine import Engine, Processed, VersionedModel
from models.learner import Learner
from models.learning.hazard_learner import HazardLearner
from models.memory import LeadMemory
from schemas.enriched import EnrichedEvent
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.outcome import Outcome
from schemas.policy import TenantPolicy

if TYPE_CHECKING:  # LightGBM takes seconds to import, and most who replay train nothing
    from models.nightly.base import NightlyBase
    from models.nightly.nights import Nights


def hazard_learner(policy: TenantPolicy) -> Learner:
    """The learner of the jobs, with the tenant's prior."""
    return HazardLearner(prior=policy.prior, intervals=max(len(policy.interval_ends_ms), 1))


class DictMemories:
    """Memories of this process alone, decoded."""

    def __init__(self) -> None:
        self.leads: dict[str, LeadMemory] = {}
        self.points: dict[tuple[str, int], bytes] = {}
        self.moved: dict[str, str] = {}
        self.types: set[str] = set()

    def load(self, key: str) -> LeadMemory:
        """The lead's memory, an empty one for a stranger."""
        return self.leads.get(key) or LeadMemory.empty()

    def save(self, key: str, memory: LeadMemory) -> None:
        """Keep the memory."""
        self.leads[key] = memory

    def forget(self, key: str) -> None:
        """Drop the memory."""
        self.leads.pop(key, None)

    def load_point(self, key: str, sequence: int) -> bytes:
        """The kept point of a lead."""
        return self.points[key, sequence]

    def save_point(self, key: str, sequence: int, point: bytes) -> None:
        """Keep a point."""
        self.points[key, sequence] = point

    def drop_point(self, key: str, sequence: int) -> None:
        """Drop a point."""
        self.points.pop((key, sequence), None)

    def moved_to(self, key: str) -> str | None:
        """The lead that a lead's id stands for."""
        return self.moved.get(key)

    def save_moved(self, key: str, to: str) -> None:
        """Keep that the id stands for another lead."""
        self.moved[key] = to

    def drop_moved(self, key: str) -> None:
        """The id stands for its own lead."""
        self.moved.pop(key, None)

    def save_type(self, event_type: str) -> None:
        """Keep an event type."""
        self.types.add(event_type)


class DictStore(dict[str, bytes]):
    """A due store of this process alone."""

    def read(self, key: str) -> bytes | None:
        """The value, or None."""
        return self.get(key)

    def write(self, key: str, value: bytes) -> None:
        """Set the value."""
        self[key] = value

    def delete(self, key: str) -> None:
        """Drop the value."""
        self.pop(key, None)


class Replay:
    """One process that does what the jobs do: scores a stream and learns from it, at every step with all that is known by then.

    Parameters
    ----------
    policies
        Tenant → policy.
    learner
        Policy → a learner that has seen nothing.
    nights
        Policy → what trains a base at midnight, event time (`models.nightly.nights.Nights`); the latest of each tenant is in `bases`.
        None: there are no bases.
    """

    def __init__(
        self,
        policies: Mapping[str, TenantPolicy],
        *,
        learner: Callable[[TenantPolicy], Learner] = hazard_learner,
        nights: "Callable[[TenantPolicy], Nights] | None" = None,
    ) -> None:
        self.engine = Engine(policies)
        self.memories = DictMemories()
        self.learners: dict[str, Learner] = {}
        self.bases: dict[str, NightlyBase] = {}
        self._nights: dict[str, Nights] = {}
        self._new_learner = learner
        self._new_nights = nights
        self._due = DueQueue(DictStore())
        self._models: dict[str, VersionedModel] = {}
        self._clock = 0

    def model(self, tenant: str) -> VersionedModel | None:
        """What the tenant's events are scored with now; None: no label was ever learned."""
        return self._models.get(tenant)

    def run(self, batches: Iterable[Sequence[EnrichedEvent | Outcome]]) -> Iterator[Processed]:
        """What each batch gives. Labels due before a batch begins are learned before it is scored."""
        for batch in batches:
            # as a watermark: all before the batch's first instant has come, the instant itself has not
            matured = self._advance(min(self._clock_of(record) for record in batch) - 1) if batch else []
            processed = self.engine.process(batch, self.memories, self._models.get, now=Millis(0))
            self._due.add(processed.due)
            self.learn(processed.examples)
            yield processed._replace(examples=matured + processed.examples)

    def learn(self, examples: Sequence[MaturedExample]) -> None:
        """Learn, and score with the new model from now on."""
        for example in examples:
            self._learner(example.tenant).learn(example)
            if example.tenant in self._nights:
                self._nights[example.tenant].add([example])
        for tenant in {example.tenant for example in examples}:
            version = self._models[tenant].version + 1 if tenant in self._models else 1
            self._models[tenant] = VersionedModel(version, self.learners[tenant].model(), self.bases.get(tenant))

    def _learner(self, tenant: str) -> Learner:
        if tenant not in self.learners:
            policy = self.engine.policy(tenant)
            self.learners[tenant] = self._new_learner(policy)
            if self._new_nights is not None:
                self._nights[tenant] = self._new_nights(policy)
        return self.learners[tenant]

    def _pass_nights(self) -> None:
        for tenant, nights in self._nights.items():
            base = nights.pass_until(self._clock)
            if base is not None:
                self.bases[tenant] = base

    @staticmethod
    def _clock_of(record: EnrichedEvent | Outcome) -> int:
        return record.occurred_at

    def _advance(self, now: int) -> list[MaturedExample]:
        self._clock = max(self._clock, now)
        keys = self._due.take(self._clock)
        examples, due = self.engine.mature(keys, self.memories, now=self._clock)
        self._due.add(due)
        self.learn(examples)
        self._pass_nights()
        return examples
