"""One tenant's learners with what is known of their progress: version, counts, who is champion, and how good their predictions were."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgpack

from models.drift import Drift, DriftAlarm
from models.frozen import as_of_learner, frozen
from models.learning.configurations import CONFIGURATIONS
from models.learning.hazard_learner import HazardLearner
from models.learning.hazard_model import HazardModel
from models.pool import intervals_of, serves
from models.prequential import Prequential
from models.promotion import Duel, Verdict
from models.standing import Change, Standing
from models.windowed import WindowedPrequential
from schemas.champion_choice import THE_ONE_BEFORE, ChampionChoice
from schemas.errors import FatalError, PoisonRecordError, SkippableError
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.metric import Metric
from schemas.model_snapshot import LEARNER, ModelSnapshot
from schemas.policy import TenantPolicy

VERSION = 7
BEFORE_SINGLE, BEFORE_LESSONS, BEFORE_SLOPE = 6, 5, 4
"""Versions whose learners kept weights, kept trials and mixed with the nightly base otherwise; they say so themselves."""
BEFORE_BELIEF = 3
BEFORE_HAZARDS = 2
"""Versions with another learner, whose state says nothing to this one: it begins anew, the metrics go on."""
BEFORE_WINDOWS = 1
"""A version whose metrics counted conversions at once."""
BY_RULE = "rule"
"""Who made a champion that no person chose."""
CHOICES = 200
"""Choices remembered, so that one that is read again changes nothing; a person makes a few a year."""


class Learned(NamedTuple):
    """What became known while examples were learned: drifts, and whether there is another champion."""

    drifts: list[Drift]
    is_changed: bool


class Student:
    """Learns a tenant's examples and says so.

    Its version is how many examples it was taught, so two snapshots of one learner and version are the same model: after a failure a student
    goes on from an older state, is taught the same examples in the same order, and publishes under the same versions what it published
    before. Who is champion when a version is published may differ then, as choices come by another topic; a score names both.

    Every learner is judged, and weighs its own rates, by what it said when an event was scored; of events that it did not score, it learns
    without being judged.

    Parameters
    ----------
    tenant
        Whose examples.
    policy
        Its window, prior and challengers, for learners that have seen nothing.
    pool
        What the first learner begins with; None, or of tenants with other windows: the prior.
    """

    def __init__(self, tenant: str, policy: TenantPolicy, pool: HazardModel | None = None) -> None:
        self.tenant = tenant
        self._policy = policy
        self.standing = Standing((Change(LEARNER, by="start", at=0),))
        self.learners: dict[str, HazardLearner] = {}
        self.judged: dict[str, WindowedPrequential] = {}
        self.duels: dict[str, Duel] = {}
        self._alarm = DriftAlarm(policy.window_ms)
        self._choices: list[str] = []
        self.version = 0
        self.examples = 0
        self.labels = 0
        self.as_of = 0
        if pool is not None and serves(pool, policy):
            self.learners[LEARNER] = HazardLearner.from_pool(pool, prior=policy.prior)
        self._enter()

    @property
    def champion(self) -> HazardLearner:
        """The learner that scores follow."""
        return self.learners[self.standing.champion]

    def learn(self, examples: Sequence[MaturedExample]) -> Learned:
        """Learn matured examples in order; each final one counts in the metrics, by its frozen prediction, when its window is over."""
        drifts: list[Drift] = []
        before = self.standing
        for example in examples:
            self.as_of = max(self.as_of, example.matured_at)
            self._judge(example)
            drifts += self._alarm.learn(example)
            self.examples += example.is_final
            said = frozen(example)
            for name, learner in self.learners.items():
                learned = learner.learn(as_of_learner(example, name, said.get(name)))
                self.labels += learned if name == LEARNER else 0
            self.version += 1
            if example.is_final and self.duels:
                self._decide()
        return Learned(drifts, self.standing is not before)

    def choose(self, choice: ChampionChoice) -> bool:
        """Follow a person's choice; gives whether there is another champion. A choice that was followed before changes nothing.

        Raises
        ------
        PoisonRecordError
            The tenant has no such learner, or there was no champion before.
        """
        if choice.choice_id in self._choices:
            return False
        before = self.standing
        if choice.learner == THE_ONE_BEFORE:
            try:
                wanted = before.rolled_back()
            except SkippableError as exc:
                raise PoisonRecordError(str(exc)) from exc
        else:
            wanted = before.promoted(choice.learner, by=choice.by, at=self.as_of)
        if wanted.champion not in self.learners:
            raise PoisonRecordError(f"{self.tenant} has no learner {wanted.champion!r}; it has {', '.join(self.learners)}")
        self.standing = wanted
        self._choices = [*self._choices, choice.choice_id][-CHOICES:]
        if self.standing.champion == before.champion:
            return False
        self._begin_duels()
        # what is measured next is of a later instant, so that it replaces what was said of the champion before
        self.as_of += 1
        return True

    def snapshot(self, *, now: Millis) -> ModelSnapshot:
        """What the champion has learned so far; the same version again when nothing was learned since the last."""
        return self._snapshot(self.champion, now, is_champion=True)

    def shadows(self, *, now: Millis) -> list[ModelSnapshot]:
        """What the challengers have learned so far."""
        return [self._snapshot(self.learners[name], now, is_champion=False) for name in self.duels]

    def metrics(self) -> list[Metric]:
        """How good each learner's predictions were so far; where there are challengers, also who is champion and how their duels stand."""
        measured = [
            self._metric(name, learner, value, judged.counted.points)
            for learner, judged in self.judged.items()
            for name, value in judged.counted.values().items()
        ]
        if self.duels:
            measured += [self._metric("champion", name, float(name == self.standing.champion), 0) for name in self.learners]
            for name, duel in self.duels.items():
                verdict = duel.verdict()
                if verdict.leads > 1:
                    measured.append(self._metric("duel_log_loss", name, verdict.difference, verdict.leads))
                    measured.append(self._metric("duel_log_loss_at_most", name, verdict.high, verdict.leads))
        return measured

    def verdicts(self) -> dict[str, Verdict]:
        """Challenger → how its duel with the champion stands."""
        return {name: duel.verdict() for name, duel in self.duels.items()}

    def drift_metric(self, drift: Drift) -> Metric:
        """A drift as a measurement: by how much the mean squared error by lead has risen."""
        return Metric(self.tenant, "drift", self.standing.champion, Millis(drift.at), drift.after - drift.before, 0, self.version)

    def _judge(self, example: MaturedExample) -> None:
        said = frozen(example)
        for name, judged in self.judged.items():
            judged.advance(self.as_of)
            if example.is_final and name in said:
                judged.take(example._replace(propensity=said[name].propensity), clock=self.as_of)
        champion = said.get(self.standing.champion)
        for name, duel in self.duels.items():
            if champion is not None and name in said:
                duel.learn(example._replace(propensity=champion.propensity), said[name].propensity)

    def _decide(self) -> None:
        for name, verdict in self.verdicts().items():
            if verdict.is_promotable:
                self.standing = self.standing.promoted(name, by=BY_RULE, at=self.as_of)
                self._begin_duels()
                return

    def _enter(self) -> None:
        """Give every learner of the policy, and the champion, whoever it is, a place; drop those that are neither."""
        names = dict.fromkeys((LEARNER, *self._policy.challengers, self.standing.champion))
        intervals = intervals_of(self._policy)
        self.learners = {
            name: self.learners.get(name) or HazardLearner(prior=self._policy.prior, intervals=intervals, configuration=name) for name in names
        }
        self.judged = {name: self.judged.get(name) or WindowedPrequential(self._policy.window_ms) for name in names}
        challengers = [name for name in names if name != self.standing.champion]
        self.duels = {name: self.duels.get(name) or Duel(self._policy.window_ms) for name in challengers}

    def _begin_duels(self) -> None:
        self.duels = {name: Duel(self._policy.window_ms) for name in self.learners if name != self.standing.champion}

    def _snapshot(self, learner: HazardLearner, now: Millis, *, is_champion: bool) -> ModelSnapshot:
        return ModelSnapshot(
            tenant=self.tenant,
            version=self.version,
            as_of=Millis(self.as_of),
            learner=learner.name,
            examples=self.examples,
            labels=self.labels,
            payload=learner.model().to_bytes(),
            published_at=now,
            is_champion=is_champion,
        )

    def _metric(self, name: str, learner: str, value: float, points: int) -> Metric:
        return Metric(self.tenant, name, learner, Millis(self.as_of), value, points, self.version)

    def to_bytes(self) -> bytes:
        """Everything, behind a version."""
        fields: list[Any] = [
            [self.version, self.examples, self.labels, self.as_of],
            [list(change) for change in self.standing.changes],
            self._choices,
            *({name: one.to_bytes() for name, one in of_all.items()} for of_all in (self.learners, self.judged, self.duels)),
            self._alarm.to_bytes(),
        ]
        return bytes(msgpack.packb([VERSION, *fields]))

    @classmethod
    def from_bytes(cls, data: bytes, tenant: str, policy: TenantPolicy) -> "Student":
        """What `to_bytes` wrote, here or in a release before.

        A challenger that the policy has no more is dropped, unless it is champion; one that is new begins with what comes.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, counts, *fields = msgpack.unpackb(data)
        if version not in (VERSION, BEFORE_SINGLE, BEFORE_LESSONS, BEFORE_SLOPE, BEFORE_BELIEF, BEFORE_HAZARDS, BEFORE_WINDOWS):
            raise FatalError(f"student of version {version}, this release reads {BEFORE_WINDOWS} to {VERSION}")
        student = cls(tenant, policy)
        student.version, student.examples, student.labels, student.as_of = counts
        if version >= BEFORE_SLOPE:
            student._read(*fields)
        else:
            student._read_metrics(version, fields[-1])
        return student

    def _read(self, changes: list[Any], choices: list[str], learners: Any, judged: Any, duels: Any, alarm: bytes) -> None:
        window_ms = self._policy.window_ms
        self.standing = Standing(tuple(Change(*change) for change in changes))
        self._choices = choices
        self.learners = {name: HazardLearner.from_bytes(one, configuration=name) for name, one in learners.items() if name in CONFIGURATIONS}
        self.judged = {name: WindowedPrequential.from_bytes(one, window_ms) for name, one in judged.items()}
        self.duels = {name: Duel.from_bytes(one, window_ms) for name, one in duels.items()}
        self._alarm = DriftAlarm.from_bytes(alarm, window_ms)
        self._enter()

    def _read_metrics(self, version: int, prequential: bytes) -> None:
        if version == BEFORE_WINDOWS:
            self.judged[LEARNER].counted = Prequential.from_bytes(prequential)
        else:
            self.judged[LEARNER] = WindowedPrequential.from_bytes(prequential, self._policy.window_ms)
