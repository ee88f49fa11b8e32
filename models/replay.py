"""The engine over a stream, without Flink: memories in a dict, labels when event time has come, learning at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

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


class DictMemories:
    """Memories of this process alone, decoded."""

    def __init__(self) -> None:
        self.leads: dict[str, LeadMemory] = {}
        self.points: dict[tuple[str, int], bytes] = {}
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
    """

    def __init__(self, policies: Mapping[str, TenantPolicy]) -> None:
        self.engine = Engine(policies)
        self.memories = DictMemories()
        self.learners: dict[str, Learner] = {}
        self._due = DueQueue(DictStore())
        self._models: dict[str, VersionedModel] = {}
        self._clock = 0

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
            learner = self.learners.get(example.tenant)
            if learner is None:
                policy = self.engine.policy(example.tenant)
                learner = self.learners[example.tenant] = HazardLearner(prior=policy.prior, intervals=max(len(policy.interval_ends_ms), 1))
            learner.learn(example)
        for tenant in {example.tenant for example in examples}:
            version = self._models[tenant].version + 1 if tenant in self._models else 1
            self._models[tenant] = VersionedModel(version, self.learners[tenant].model())

    @staticmethod
    def _clock_of(record: EnrichedEvent | Outcome) -> int:
        return record.occurred_at

    def _advance(self, now: int) -> list[MaturedExample]:
        self._clock = max(self._clock, now)
        keys = self._due.take(self._clock)
        examples, due = self.engine.mature(keys, self.memories, now=self._clock)
        self._due.add(due)
        self.learn(examples)
        return examples
