"""process(batch, memories, …) → scores; mature(…) → examples: the thinking that jobs and replays share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from models import memory as m
from models import pairing
from models.due import bucket_of
from models.features.attributes import Attributes
from models.features.registry import DENSE, WIDTH
from models.features.vector import FeatureVector, digest
from models.grading import GRADES, grade
from models.remembering import SPARSE, remember
from models.scorer import LinearModel, Scored, score, untrained
from schemas.enriched import EnrichedEvent
from schemas.event import OBSERVATION, PROFILE_UPDATED
from schemas.example import MaturedExample
from schemas.ids import Millis, lead_key, split_lead_key
from schemas.outcome import WON, Outcome
from schemas.policy import DAY_MS, TenantPolicy
from schemas.score import LeadScore, Reason

Due = dict[int, list[str]]


class Memories(Protocol):
    """What is remembered, by `tenant|lead`: a dict in tests and replays, Flink's state in a job."""

    def load(self, key: str) -> m.LeadMemory:
        """The lead's memory, an empty one for a stranger. The same object until `save`."""

    def save(self, key: str, memory: m.LeadMemory) -> None:
        """Keep the memory as it is now."""

    def forget(self, key: str) -> None:
        """Drop the lead's memory."""

    def load_point(self, key: str, sequence: int) -> bytes:
        """The kept point of a lead."""

    def save_point(self, key: str, sequence: int, point: bytes) -> None:
        """Keep a point."""

    def drop_point(self, key: str, sequence: int) -> None:
        """Drop a point."""

    def save_type(self, event_type: str) -> None:
        """Keep an event type, so that its counts can be named after a restart: called for every event."""


class VersionedModel(NamedTuple):
    """A model and the version that its scores name."""

    version: int
    model: LinearModel


class Vectors(NamedTuple):
    """The feature vectors of n events: dense (n, WIDTH), sparse ones end to end, event i's end at `ends[i]`.

    `after` (n, 2): the lead's latest time in ms and its decayed engagement, after each event.
    """

    dense: np.ndarray
    ids: np.ndarray
    values: np.ndarray
    ends: np.ndarray
    after: np.ndarray

    def one(self, i: int) -> FeatureVector:
        """Vector i."""
        start = int(self.ends[i - 1]) if i else 0
        end = int(self.ends[i])
        return FeatureVector(self.dense[i], self.ids[start:end], self.values[start:end])


class Remembered(NamedTuple):
    """Events that were new to their leads, in order, with their keys and vectors; and the memories that they changed, by key."""

    events: list[EnrichedEvent]
    keys: list[str]
    vectors: Vectors
    touched: dict[str, m.LeadMemory]


class Processed(NamedTuple):
    """Outputs of a batch: scores in the order of their events, examples that its outcomes matured, and keys to queue by bucket."""

    scores: list[LeadScore]
    examples: list[MaturedExample]
    due: Due


class Engine:
    """Remembers, scores and pairs. Holds no state of its own but look-up tables: everything that lasts is in `memories`.

    Parameters
    ----------
    policies
        Tenant → policy; a tenant that is not in it has the default one.
    retention_ms
        A lead without events for so long is forgotten.
    """

    def __init__(self, policies: Mapping[str, TenantPolicy], *, retention_ms: int = 400 * DAY_MS) -> None:
        self._policies = policies
        self._default = TenantPolicy()
        self._retention_ms = retention_ms
        self._attributes = Attributes()

    def know_types(self, event_types: Iterable[str]) -> None:
        """Learn the names of event types that were kept by `Memories.save_type`."""
        for event_type in event_types:
            self._attributes.type_id(event_type)

    def policy(self, tenant: str) -> TenantPolicy:
        """The tenant's policy."""
        return self._policies.get(tenant, self._default)

    def process(
        self,
        batch: Sequence[EnrichedEvent | Outcome],
        memories: Memories,
        model_of: Callable[[str], VersionedModel | None],
        *,
        now: Millis,
    ) -> Processed:
        """Remember the batch in order, score its events, pair its outcomes.

        However a lead's records are cut into batches, its scores are the same, bit for bit, under the same models.

        Parameters
        ----------
        batch
            Events and outcomes in order of arrival; of a lead, in order of time but for late ones.
        memories
            What is remembered; changed in place.
        model_of
            Tenant → the model to score with; None: no label was ever learned.
        now
            Wall-clock, only written into `scored_at`.
        """
        due: Due = {}
        scores: list[LeadScore] = []
        examples: list[MaturedExample] = []
        run: list[EnrichedEvent] = []
        for record in batch:
            if isinstance(record, Outcome):
                self._score_events(run, memories, model_of, scores, examples, due, now)
                run = []
                self._pair(record, memories, examples, due)
            elif record.channel != OBSERVATION and record.type != PROFILE_UPDATED:
                run.append(record)
        self._score_events(run, memories, model_of, scores, examples, due, now)
        return Processed(scores, examples, due)

    def mature(self, keys: Sequence[str], memories: Memories, *, now: int) -> tuple[list[MaturedExample], Due]:
        """Labels that event time has made known of these leads (`Processed.due`), and when to look at each again.

        Leads silent for longer than the retention are forgotten here.
        """
        examples: list[MaturedExample] = []
        due: Due = {}
        for key in keys:
            memory = memories.load(key)
            policy = self.policy(split_lead_key(key)[0])
            self._mature_one(key, memory, policy, memories, now, examples)
            if now - float(memory.row[m.LAST_AT]) >= self._retention_ms:
                for point in memory.pending:
                    memories.drop_point(key, point.sequence)
                memories.forget(key)
                continue
            memory.row[m.QUEUED_FOR] = 0.0
            self._queue(key, memory, policy, due)
            memories.save(key, memory)
        return examples, due

    def remember(self, events: Sequence[EnrichedEvent], memories: Memories) -> Remembered:
        """Remember events in order and give their vectors. Those that a lead's memory has taken already are left out.

        The memories are changed in place, not yet saved.
        """
        taken, touched = _not_yet_taken(events, memories)
        index = {key: i for i, key in enumerate(touched)}
        keys = [lead_key(event.tenant, event.lead) for event in taken]
        attributes = self._attributes
        attributes.make_room()
        attribute_ids: list[int] = []
        attribute_values: list[float] = []
        attribute_ends: list[int] = []
        for event in taken:
            memories.save_type(event.type)
            attributes.append(event, attribute_ids, attribute_values)
            attribute_ends.append(len(attribute_ids))
        n = len(taken)
        room = n * SPARSE + len(attribute_ids)
        vectors = Vectors(
            np.empty((n, WIDTH), np.float32), np.empty(room, np.uint32), np.empty(room, np.float32), np.empty(n, np.int64), np.empty((n, 2))
        )
        rows = np.array([memory.row for memory in touched.values()]).reshape(len(touched), m.ROW_WIDTH)
        remember(
            rows,
            np.array([index[key] for key in keys], np.int64),
            np.array([event.occurred_at for event in taken], np.float64),
            np.array([attributes.type_id(event.type) for event in taken], np.uint32),
            np.array([attributes.channel_id(event.channel) for event in taken], np.uint32),
            np.array(attribute_ids, np.uint32),
            np.array(attribute_values, np.float32),
            np.array(attribute_ends, np.int64),
            *vectors,
        )
        for memory, row in zip(touched.values(), rows, strict=True):
            memory.row[:] = row  # a copy: a view would keep the whole batch's rows alive as long as the lead
        return Remembered(taken, keys, vectors, touched)

    def _score_events(
        self,
        events: list[EnrichedEvent],
        memories: Memories,
        model_of: Callable[[str], VersionedModel | None],
        scores: list[LeadScore],
        examples: list[MaturedExample],
        due: Due,
        now: Millis,
    ) -> None:
        taken, keys, vectors, touched = self.remember(events, memories)
        of_tenant: dict[str, tuple[int, Scored]] = {}
        for i, event in enumerate(taken):
            policy = self.policy(event.tenant)
            memory = touched[keys[i]]
            # as of the lead's latest event: a late one may have occurred before the outcome, and still its score would be of after it
            if event.type in policy.skip_types or not pairing.is_open(memory, policy, int(vectors.after[i, 0])):
                continue
            if event.tenant not in of_tenant:
                of_tenant[event.tenant] = self._scored(event.tenant, policy, model_of, vectors)
            version, scored = of_tenant[event.tenant]
            published, features = self._publish(event, i, memory, vectors, version, scored, now)
            scores.append(published)
            hazards = tuple(scored.hazards[i].tolist())
            self._keep(
                keys[i], memory, policy, published, pairing.KeptPoint(event.event_id, version, published.propensity, hazards, features), memories
            )
        for key, memory in touched.items():
            policy = self.policy(split_lead_key(key)[0])
            if pairing.is_known_already(memory, policy):
                self._mature_one(key, memory, policy, memories, int(memory.row[m.OUTCOME_AT]), examples)
            self._queue(key, memory, policy, due)
            memories.save(key, memory)

    def _scored(self, tenant: str, policy: TenantPolicy, model_of: Callable[[str], VersionedModel | None], vectors: Vectors) -> tuple[int, Scored]:
        # a lane mixes tenants: the whole batch under each model is cheaper than parting it, as nearly all batches have one tenant
        versioned = model_of(tenant) or VersionedModel(0, untrained(policy.prior, max(len(policy.interval_ends_ms), 1)))
        return versioned.version, score(versioned.model, vectors.dense, vectors.ids, vectors.values, vectors.ends)

    def _publish(
        self,
        event: EnrichedEvent,
        i: int,
        memory: m.LeadMemory,
        vectors: Vectors,
        version: int,
        scored: Scored,
        now: Millis,
    ) -> tuple[LeadScore, bytes]:
        vector = vectors.one(i)
        features = vector.to_bytes()
        propensity = float(scored.propensity[i])
        as_of, decayed = vectors.after[i].tolist()
        grade_index = grade(propensity, decayed, int(memory.row[m.GRADE]))
        memory.row[m.GRADE] = grade_index
        published = LeadScore(
            tenant=event.tenant,
            lead=event.lead,
            event_id=event.event_id,
            sequence=event.sequence,
            as_of=Millis(int(as_of)),
            propensity=propensity,
            grade=GRADES[grade_index],
            reasons=self._reasons(vector, scored.reason_at[i].tolist(), scored.reason_share[i].tolist()),
            model_version=version,
            feature_digest=digest(features),
            scored_at=now,
            received_at=event.received_at,
        )
        return published, features

    def _reasons(self, vector: FeatureVector, places: list[int], shares: list[float]) -> list[Reason]:
        reasons = []
        for place, share in zip(places, shares, strict=True):
            if place < 0:
                break
            name = DENSE[place].name if place < WIDTH else self._attributes.name_of.get(int(vector.ids[place - WIDTH]))
            if name is not None:
                reasons.append(Reason(name, share))
        return reasons

    def _keep(self, key: str, memory: m.LeadMemory, policy: TenantPolicy, published: LeadScore, point: pairing.KeptPoint, memories: Memories) -> None:
        pending = pairing.new_point(memory, policy, sequence=published.sequence, as_of=published.as_of, event_id=published.event_id)
        out = pairing.keep(memory, pending)
        if out is not pending:
            memories.save_point(key, published.sequence, point.to_bytes())
            if out is not None:
                memories.drop_point(key, out.sequence)

    def _pair(self, outcome: Outcome, memories: Memories, examples: list[MaturedExample], due: Due) -> None:
        key = lead_key(outcome.tenant, outcome.lead)
        policy = self.policy(outcome.tenant)
        memory = memories.load(key)
        if not memory.row[m.COUNT]:
            memory.row[m.LAST_AT] = max(memory.row[m.LAST_AT], outcome.occurred_at)
        for point in pairing.note_outcome(memory, policy, at=outcome.occurred_at, is_won=outcome.outcome == WON):
            memories.drop_point(key, point.sequence)
        if policy.window_ms is None:
            self._mature_one(key, memory, policy, memories, outcome.occurred_at, examples)
        self._queue(key, memory, policy, due)
        memories.save(key, memory)

    def _mature_one(self, key: str, memory: m.LeadMemory, policy: TenantPolicy, memories: Memories, now: int, examples: list[MaturedExample]) -> None:
        waiting = []
        for point in memory.pending:
            label = pairing.label(point, policy, now)
            if label is None:
                waiting.append(point)
                continue
            examples.append(_example(key, point, pairing.point_from_bytes(memories.load_point(key, point.sequence)), label))
            if label.is_final:
                memories.drop_point(key, point.sequence)
            else:
                waiting.append(point._replace(next_interval=label.last + 1))
        memory.pending = waiting

    def _queue(self, key: str, memory: m.LeadMemory, policy: TenantPolicy, due: Due) -> None:
        """Every lead has an entry in the due queue: for its next label, else for the day it is to be forgotten."""
        queued_for, last_at = float(memory.row[m.QUEUED_FOR]), float(memory.row[m.LAST_AT])
        wanted = pairing.next_due(memory, policy)
        if wanted is None:
            if queued_for:
                return
            wanted = int(last_at) + self._retention_ms
        bucket = bucket_of(wanted)
        if queued_for and queued_for <= bucket:
            return
        memory.row[m.QUEUED_FOR] = bucket
        due.setdefault(bucket, []).append(key)


def _not_yet_taken(events: Sequence[EnrichedEvent], memories: Memories) -> tuple[list[EnrichedEvent], dict[str, m.LeadMemory]]:
    """Events whose sequence is beyond what their leads remember: others were published again after a failure."""
    taken: list[EnrichedEvent] = []
    touched: dict[str, m.LeadMemory] = {}
    for event in events:
        key = lead_key(event.tenant, event.lead)
        memory = touched.get(key) or memories.load(key)
        if event.sequence > memory.row[m.SEQUENCE]:
            memory.row[m.SEQUENCE] = event.sequence
            touched[key] = memory
            taken.append(event)
    return taken, touched


def _example(key: str, point: m.PendingPoint, kept: pairing.KeptPoint, label: pairing.Label) -> MaturedExample:
    tenant, lead = split_lead_key(key)
    return MaturedExample(
        tenant=tenant,
        lead=lead,
        event_id=kept.event_id,
        sequence=point.sequence,
        as_of=Millis(point.as_of),
        matured_at=Millis(label.at),
        first_interval=label.first,
        last_interval=label.last,
        is_converted=label.is_converted,
        is_final=label.is_final,
        propensity=kept.propensity,
        hazards=list(kept.hazards),
        model_version=kept.model_version,
        features=kept.features,
    )
