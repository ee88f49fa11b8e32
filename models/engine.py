"""process(batch, memories, …) → scores; mature(…) → examples: the thinking that jobs and replays share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log
from typing import Any, NamedTuple, Protocol

import numpy as np

from models import memory as m
from models import moving, pairing
from models.conversion_time import converted_by
from models.due import bucket_of
from models.features.packing import pack
from models.features.vector import PATTERN_MODEL, digest
from models.frozen import kept_hazards
from models.grading import GRADES, grade
from models.learning.hazard_model import HazardModel, untrained
from models.memories import Memories
from models.nightly.columns import FeatureVectors
from models.reasons import Reasons, reasons_of
from models.remembrance import Remembered, Remembrance, Vectors
from models.scorer import Scored, score
from schemas.enriched import EnrichedEvent
from schemas.event import LEAD_MOVED, MEMORY_MOVED, OBSERVATION, PROFILE_UPDATED, Event
from schemas.example import MaturedExample
from schemas.ids import Millis, lead_key, split_lead_key
from schemas.model_snapshot import LEARNER
from schemas.outcome import REOPENED, WON, Outcome
from schemas.policy import DAY_MS, TenantPolicy
from schemas.score import LeadScore

Due = dict[int, list[str]]


STALE_AFTER_MS = 90 * DAY_MS
"""A nightly base is left out of scores that are so much later than its training, event time: none of the examples that it was trained on
is kept longer."""


class Base(Protocol):
    """What gives a batch its nightly logits (`models.nightly.base.NightlyBase`)."""

    @property
    def trained_at(self) -> int:
        """Event time in ms: its version."""

    def logits(self, vectors: FeatureVectors) -> Any:
        """Of n vectors, (n,)."""


class Shadow(NamedTuple):
    """A challenger: it scores what the champion scores, for nobody to see but the learner."""

    learner: str
    version: int
    model: HazardModel


class VersionedModel(NamedTuple):
    """A model, with the version and the learner that its scores name.

    Beside it the nightly base whose logit joins the vectors, if there is one, and the tenant's challengers, if it has any.
    """

    version: int
    model: HazardModel
    base: Base | None = None
    learner: str = LEARNER
    shadows: tuple[Shadow, ...] = ()

    def score(self, vectors: FeatureVectors, as_of: Any) -> tuple[FeatureVectors, Scored, Any]:
        """What the model says of n vectors.

        Parameters
        ----------
        vectors
            What the leads did.
        as_of
            Of each vector, in ms (n,): a base that is older than STALE_AFTER_MS by then has no say.

        Returns
        -------
        The vectors that the model was asked, with the base's logit as one more number if there is a base; what it says; and, of each vector,
        whether the base had a say (n,).
        """
        if self.base is None:
            return vectors, score(self.model, *vectors), np.zeros(len(vectors), np.bool_)
        has_say = np.asarray(as_of) - self.base.trained_at <= STALE_AFTER_MS
        # a number that is none is missing, to the model and to whoever reads the vector
        logits = np.where(has_say, self.base.logits(vectors.trimmed()), np.nan)
        vectors = vectors.with_number(PATTERN_MODEL, logits)
        return vectors, score(self.model, *vectors), has_say


class ShadowAnswers(NamedTuple):
    """What a challenger says of n vectors."""

    learner: str
    propensities: list[float]
    hazards: bytes
    hazard_bytes: int

    def of(self, i: int) -> tuple[str, float, bytes]:
        """Who says what of vector i, and its hazards as they are kept."""
        return (self.learner, self.propensities[i], self.hazards[i * self.hazard_bytes : (i + 1) * self.hazard_bytes])


class Answers(NamedTuple):
    """What a model says of n vectors, out of numpy: an element at a time costs more there than all at once."""

    learner: str
    version: int
    base_version: int
    propensities: list[float]
    hazards: bytes
    hazard_bytes: int
    reasons: list[Reasons]
    baselines: list[float]
    with_base: list[bool]
    learnable: list[bytes]
    converted_by: list[list[float]]
    evidence: int
    shadows: list[ShadowAnswers]

    def hazards_of(self, i: int) -> bytes:
        """The hazards of vector i, as they are kept."""
        return self.hazards[i * self.hazard_bytes : (i + 1) * self.hazard_bytes]


class _Kept(NamedTuple):
    """Of a batch's event i, what is kept until its label is known; `is_only`: no other point of its lead waits."""

    i: int
    key: str
    answers: Answers
    vector: bytes
    is_only: bool


class Processed(NamedTuple):
    """Outputs of a batch: scores in the order of their events, examples that its outcomes matured, and keys to queue by bucket.

    `events` and `outcomes` are for other leads, of which leads of this batch proved to be.
    """

    scores: list[LeadScore]
    examples: list[MaturedExample]
    due: Due
    events: list[Event]
    outcomes: list[Outcome]


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
        self._remembrance = Remembrance(self.policy)

    def know_types(self, event_types: Iterable[str]) -> None:
        """Learn the names of event types that were kept by `Memories.save_type`."""
        self._remembrance.know_types(event_types)

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
        out = Processed([], [], {}, [], [])
        run: list[EnrichedEvent] = []
        for record in batch:
            if isinstance(record, Outcome):
                self._score_events(run, memories, model_of, out, now)
                run = []
                self._pair(record, memories, out)
            elif record.channel != OBSERVATION:
                if record.type != PROFILE_UPDATED:
                    run.append(record)
            elif record.type in (LEAD_MOVED, MEMORY_MOVED):
                self._score_events(run, memories, model_of, out, now)
                run = []
                self._move(record, memories, model_of, out, now)
        self._score_events(run, memories, model_of, out, now)
        return out

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
                memories.drop_moved(key)
                continue
            memory.row[m.QUEUED_FOR] = 0.0
            self._queue(key, memory, policy, due)
            memories.save(key, memory)
        return examples, due

    def remember(self, events: Sequence[EnrichedEvent], memories: Memories) -> Remembered:
        """Remember events without scoring them (`Remembrance.remember`)."""
        return self._remembrance.remember(events, memories)

    def _score_events(
        self,
        events: list[EnrichedEvent],
        memories: Memories,
        model_of: Callable[[str], VersionedModel | None],
        out: Processed,
        now: Millis,
    ) -> None:
        if not events:
            return
        remembered = self.remember(events, memories)
        features = remembered.vectors.to_bytes()
        after = remembered.vectors.after.tolist()
        of_tenant: dict[str, Answers] = {}
        kept: list[_Kept] = []
        dropped: list[tuple[str, int]] = []
        to_queue = {key for key, memory in remembered.touched.items() if not memory.row[m.QUEUED_FOR]}
        for i, event in enumerate(remembered.events):
            policy = self.policy(event.tenant)
            key = remembered.keys[i]
            memory = remembered.touched[key]
            as_of, engagement = int(after[i][0]), after[i][1]
            # as of the lead's latest event: a late one may have occurred before the outcome, and still its score would be of after it
            if event.type in policy.skip_types or not pairing.is_open(memory, policy, as_of):
                continue
            answers = of_tenant.get(event.tenant)
            if answers is None:
                answers = of_tenant[event.tenant] = self._answers(event.tenant, policy, model_of, remembered.vectors)
            propensity = answers.propensities[i]
            grade_index = grade(propensity, engagement, int(memory.row[m.GRADE]))
            memory.row[m.GRADE] = grade_index
            out.scores.append(self._score_of(event, i, answers, as_of=as_of, grade=GRADES[grade_index], features=features[i], now=now))
            pending = pairing.new_point(memory, policy, sequence=event.sequence, as_of=as_of, event_id=event.event_id)
            left_out = pairing.keep(memory, pending)
            if left_out is not pending:
                vector = answers.learnable[i] if answers.with_base[i] else features[i]
                kept.append(_Kept(i, key, answers, vector, is_only=len(memory.pending) == 1))
                if left_out is not None:
                    dropped.append((key, left_out.sequence))
                if pairing.is_due_before(pending, policy, int(memory.row[m.QUEUED_FOR])):
                    to_queue.add(key)
        _save_points(kept, remembered, memories)
        for key, sequence in dropped:
            memories.drop_point(key, sequence)
        for key, memory in remembered.touched.items():
            policy = self.policy(split_lead_key(key)[0])
            if pairing.is_known_already(memory, policy):
                self._mature_one(key, memory, policy, memories, int(memory.row[m.OUTCOME_AT]), out.examples)
            if key in to_queue:
                self._queue(key, memory, policy, out.due)
            memories.save(key, memory)

    def _score_of(
        self, event: EnrichedEvent, i: int, answers: Answers, *, as_of: int, grade: str, features: bytes, now: Millis, event_id: str | None = None
    ) -> LeadScore:
        """What is published of vector i; on the event, unless it was made on another one."""
        propensity = answers.propensities[i]
        reasons, shares, values = answers.reasons[i]
        return LeadScore(
            tenant=event.tenant,
            lead=event.lead,
            event_id=event.event_id if event_id is None else event_id,
            sequence=event.sequence,
            as_of=Millis(as_of),
            propensity=propensity,
            grade=grade,
            reason_features=reasons,
            reason_shares=shares,
            model_version=answers.version,
            feature_digest=digest(features),
            scored_at=now,
            received_at=event.received_at,
            baseline=answers.baselines[i],
            rest=log(propensity / (1.0 - propensity)) - answers.baselines[i] - sum(shares),
            base_version=answers.base_version if answers.with_base[i] else 0,
            learner=answers.learner,
            reason_values=values,
            evidence=answers.evidence,
            converted_by=answers.converted_by[i],
            account_id=event.account_id,
        )

    def follow(self, event: EnrichedEvent, memories: Memories) -> "moving.Followed | None":
        """Do what an event of the jobs' own says: let a lead's memory go, or take another's; None: it was done before.

        The memory is changed, not yet saved.
        """
        key = lead_key(event.tenant, event.lead)
        memory = memories.load(key)
        if event.sequence <= memory.row[m.SEQUENCE]:
            return None
        memory.row[m.SEQUENCE] = event.sequence
        if event.type == LEAD_MOVED:
            return moving.leave(event, key, memory, memories)
        return moving.arrive(event, key, memory, memories, self.policy(event.tenant))

    def _move(self, event: EnrichedEvent, memories: Memories, model_of: Callable[[str], VersionedModel | None], out: Processed, now: Millis) -> None:
        followed = self.follow(event, memories)
        if followed is None:
            return
        key, policy, memory = lead_key(event.tenant, event.lead), self.policy(event.tenant), followed.memory
        out.events.extend(followed.events)
        out.outcomes.extend(followed.outcomes)
        if followed.restated is not None and pairing.is_open(memory, policy, followed.restated.as_of):
            out.scores.append(self._restated(event, memory, followed.restated, model_of, now))
        if pairing.is_known_already(memory, policy):
            self._mature_one(key, memory, policy, memories, int(memory.row[m.OUTCOME_AT]), out.examples)
        self._queue(key, memory, policy, out.due)
        memories.save(key, memory)

    def _restated(
        self, event: EnrichedEvent, memory: m.LeadMemory, restated: moving.Restated, model_of: Callable[[str], VersionedModel | None], now: Millis
    ) -> LeadScore:
        """The score of a lead that had none, by the latest vector of the lead that became part of it."""
        engagement = float(memory.row[m.DECAYED_DAY])
        one = FeatureVectors.stacked([restated.vector])
        vectors = Vectors(*one, np.array([[restated.as_of, engagement]]))
        answers = self._answers(event.tenant, self.policy(event.tenant), model_of, vectors)
        grade_index = grade(answers.propensities[0], engagement, int(memory.row[m.GRADE]))
        memory.row[m.GRADE] = grade_index
        features = restated.vector.to_bytes()
        return self._score_of(
            event, 0, answers, as_of=restated.as_of, grade=GRADES[grade_index], features=features, now=now, event_id=restated.event_id
        )

    def _answers(self, tenant: str, policy: TenantPolicy, model_of: Callable[[str], VersionedModel | None], vectors: Vectors) -> Answers:
        # a lane mixes tenants: the whole batch under each model is cheaper than parting it, as nearly all batches have one tenant
        versioned = model_of(tenant) or VersionedModel(0, untrained(policy.prior, max(len(policy.interval_ends_ms), 1)))
        scorable, scored, with_base = versioned.score(FeatureVectors(*vectors[:4]), vectors.after[:, 0])
        n = len(scored.propensity)
        return Answers(
            learner=versioned.learner,
            version=versioned.version,
            base_version=versioned.base.trained_at if versioned.base is not None else 0,
            propensities=scored.propensity.tolist(),
            hazards=kept_hazards(scored.hazards).tobytes(),
            hazard_bytes=scored.hazards.shape[1],
            reasons=reasons_of(scored, scorable, versioned.model.attributes, self._remembrance.name_of),
            baselines=scored.baseline.tolist(),
            with_base=with_base.tolist(),
            learnable=scorable.to_bytes() if with_base.any() else [],
            converted_by=converted_by(scored.hazards, versioned.model.trust, scored.propensity).tolist() if policy.interval_ends_ms else [[]] * n,
            evidence=versioned.model.evidence,
            shadows=[_shadow_answers(shadow, scorable) for shadow in versioned.shadows],
        )

    def _pair(self, outcome: Outcome, memories: Memories, out: Processed) -> None:
        key = lead_key(outcome.tenant, outcome.lead)
        to = memories.moved_to(key)
        if to is not None:
            out.outcomes.append(outcome._replace(lead=to))
            return
        policy = self.policy(outcome.tenant)
        memory = memories.load(key)
        if not memory.row[m.COUNT]:
            memory.row[m.LAST_AT] = max(memory.row[m.LAST_AT], outcome.occurred_at)
        if outcome.outcome == REOPENED:
            pairing.note_reopening(memory, at=outcome.occurred_at)
            memories.save(key, memory)
            return
        for point in pairing.note_outcome(memory, policy, at=outcome.occurred_at, is_won=outcome.outcome == WON):
            memories.drop_point(key, point.sequence)
        if policy.window_ms is None:
            self._mature_one(key, memory, policy, memories, outcome.occurred_at, out.examples)
        self._queue(key, memory, policy, out.due)
        memories.save(key, memory)

    def _mature_one(self, key: str, memory: m.LeadMemory, policy: TenantPolicy, memories: Memories, now: int, examples: list[MaturedExample]) -> None:
        waiting = []
        for point in memory.pending:
            label = pairing.label(point, policy, now)
            if label is None:
                waiting.append(point)
                continue
            examples.append(_example(key, point, pairing.point_from_bytes(memories.load_point(key, point.sequence), memory.names), label))
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


def _save_points(kept: Sequence[_Kept], remembered: Remembered, memories: Memories) -> None:
    """Keep points under their leads, their vectors packed all at once."""
    if not kept:
        return
    places: dict[str, int] = {}
    leads = [places.setdefault(one.key, len(places)) for one in kept]
    of_leads = [remembered.touched[key] for key in places]
    # where no other point waits, none speaks of the names that there were
    packed, names = pack([one.vector for one in kept], leads, [one.is_only for one in kept], [memory.names for memory in of_leads])
    for memory, table in zip(of_leads, names, strict=True):
        memory.names = table
    for (i, key, answers, _, _), vector in zip(kept, packed, strict=True):
        event = remembered.events[i]
        shadows = [shadow.of(i) for shadow in answers.shadows]
        point = pairing.point_bytes(event.event_id, answers.version, answers.propensities[i], answers.hazards_of(i), vector, answers.learner, shadows)
        memories.save_point(key, event.sequence, point)


def _shadow_answers(shadow: Shadow, vectors: FeatureVectors) -> ShadowAnswers:
    scored = score(shadow.model, *vectors)
    return ShadowAnswers(shadow.learner, scored.propensity.tolist(), kept_hazards(scored.hazards).tobytes(), scored.hazards.shape[1])


def _example(key: str, point: m.PendingPoint, kept: pairing.KeptPoint, label: pairing.Label) -> MaturedExample:
    tenant, lead = split_lead_key(key)
    return MaturedExample(
        tenant=tenant,
        # a prediction stays what it was published as, whatever became of its lead
        lead=kept.lead or lead,
        event_id=kept.event_id,
        sequence=kept.sequence or point.sequence,
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
        learner=kept.learner,
        shadow_learners=[shadow.learner for shadow in kept.shadows],
        shadow_propensities=[shadow.propensity for shadow in kept.shadows],
        shadow_hazards=[hazard for shadow in kept.shadows for hazard in shadow.hazards],
    )
