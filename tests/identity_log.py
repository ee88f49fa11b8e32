"""The jobs that tell who is who, on a log in memory: fed, crashed and restored at will, called as Flink calls them."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from jobs.operators import enrich_lane, score_lane, stitch_lane
from jobs.operators.enrich_lane import EnrichLane
from jobs.operators.score_lane import ScoreLane
from jobs.operators.stitch_lane import StitchLane
from models import memory as m
from models.enrichment import Acquaintance
from models.memory import LeadMemory
from schemas.event import Event
from schemas.identity import IdentityClaim
from schemas.outcome import Outcome
from schemas.topics import Topic, Value
from tests.builders import TENANT
from tests.unit.jobs.fakes import CODEC, Harness, Record, a_record, offline_settings

ENRICH, STITCH, SCORE = "enrich", "stitch", "score"
KEY = SecretStr("k" * 32)
SOURCES: Mapping[str, Sequence[Topic]] = {ENRICH: enrich_lane.SOURCES, STITCH: stitch_lane.SOURCES, SCORE: score_lane.SOURCES}


class Job:
    """One operator with its place on the log, and its last checkpoint."""

    def __init__(self, make: Callable[[], Any], topics: Sequence[Topic]) -> None:
        self.harness = Harness(make)
        self.topics = topics
        self.read = dict.fromkeys(topics, 0)
        self.checkpoint()

    def checkpoint(self) -> None:
        self._kept = copy.deepcopy(self.harness.backend.states), dict(self.read)

    def crash(self) -> None:
        """Everything since the last checkpoint is forgotten; what was published stays."""
        states, read = self._kept
        self.harness.backend.states, self.read = copy.deepcopy(states), dict(read)
        self.harness.restart()


class IdentityLog:
    """Topics as lists, one partition each: the order within a key is what Kafka promises."""

    def __init__(self, run_dir: Path) -> None:
        settings = offline_settings(run_dir, pseudonym_key=KEY)
        made: Mapping[str, Callable[[], Any]] = {
            ENRICH: lambda: EnrichLane(settings, {}),
            STITCH: lambda: StitchLane(settings),
            SCORE: lambda: ScoreLane(settings, {}),
        }
        self.topics: dict[Topic, list[Record]] = {topic: [] for topic in Topic}
        self.jobs = {name: Job(make, SOURCES[name]) for name, make in made.items()}

    def feed(self, records: Iterable[Event | Outcome | IdentityClaim]) -> None:
        """Publish what producers, CRMs and operators say."""
        kinds = {Event: Topic.EVENTS_RECEIVED, Outcome: Topic.OUTCOMES_RECEIVED, IdentityClaim: Topic.IDENTITIES_CLAIMED}
        for record in records:
            self.topics[kinds[type(record)]].append(a_record(record))

    def step(self, name: str, most: int = 1_000) -> bool:
        """One batch of a job; whether there was anything to read."""
        job = self.jobs[name]
        batch: list[Record] = []
        for origin, topic in enumerate(job.topics):
            found = self.topics[topic][job.read[topic] : job.read[topic] + most]
            job.read[topic] += len(found)
            batch += [record._replace(origin=origin) for record in found]
        if batch:
            for one in job.harness.take(batch):
                self.topics[Topic(one.topic)].append(Record(one.key, CODEC.encode(one.value)))
        return bool(batch)

    def run(self) -> None:
        """Until nothing is left to be read."""
        has_read = True
        while has_read:
            has_read = sum(self.step(name) for name in self.jobs) > 0

    def values(self, topic: Topic) -> list[Any]:
        """All values of a topic."""
        read: list[Value] = [CODEC.decode(record.value) for record in self.topics[topic]]
        return read

    def lead_of(self, name: str) -> str:
        """The lead that events of an id go to."""
        stored = self._leads(ENRICH).get(f"{TENANT}|{name}")
        return (Acquaintance.from_bytes(stored).to if stored else "") or name

    def memory(self, lead: str) -> LeadMemory:
        """What is remembered of a lead."""
        stored = self._leads(SCORE).get(f"{TENANT}|{lead}")
        return LeadMemory.from_bytes(stored) if stored else LeadMemory.empty()

    def counts(self) -> dict[str, float]:
        """Lead → events that it is remembered by; ids that stand for others have none of their own."""
        keys = [key.partition("|")[2] for key in self._leads(SCORE)]
        return {lead: count for lead in keys if self.lead_of(lead) == lead and (count := float(self.memory(lead).row[m.COUNT]))}

    def _leads(self, job: str) -> dict[str, bytes]:
        # a job that was given nothing has no state yet
        return self.jobs[job].harness.backend.states.get("leads", {}).get(0, {})
