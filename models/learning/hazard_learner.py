"""The online learner of a tenant: FTRL at four rates and one belief under Hedge, on hazards."""

import struct
import zlib
from collections import deque
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt

from models.features.registry import WIDTH
from models.features.sorting import in_order
from models.features.vector import PATTERN_MODEL, vector_from_bytes
from models.learning.belief import PLACES, POOLED_VARIANCE, no_gains, settle, unsure
from models.learning.configurations import CONFIGURATIONS, RATES
from models.learning.encoding import EDGES, room_for
from models.learning.hazard_model import ATTRIBUTES, COLUMNS, EXPERTS, HazardModel, assembled, dense_attributes, hazard_logit
from models.learning.held import Held, hold
from models.learning.lesson import learn_example
from models.learning.observing import REFITS, RESERVOIR
from models.learning.regression import BETA, HEDGE_RATE, L2, parts_of, trust
from models.learning.shares import SHARES, mix
from models.learning.table import attribute_table, column_table, find, first_unknown, mixed
from models.learning.trials import REMEMBERED, SLOTS, TRIALS, WAITING
from models.learning.trying import AT_ONCE, Lesson, try_lessons, written
from schemas.errors import FatalError
from schemas.example import MaturedExample
from schemas.model_snapshot import LEARNER

VERSION = 6
BEFORE_SINGLE = 5
"""A version that kept FTRL's numbers in double precision."""
BEFORE_LESSONS = 4
"""A version whose trials waited for nothing."""
BEFORE_SLOPE = 3
"""A version that mixed otherwise with the nightly base: the rest of it is read, and mixing begins anew."""
POOL_SQUARES = 4.0
"""What a pooled model's weights count as when a tenant starts from them: as if learned from a few dozen labels of its own."""

Array = npt.NDArray[Any]

_BY_ATTRIBUTE = {
    "_attributes": ("<u4", ()),
    "_flags": ("|u1", ()),
    "_seen": ("<i8", ()),
    "_first": ("<f8", ()),
    "_counts": ("<i8", ()),
    "_mean": ("<f8", ()),
    "_squares": ("<f8", ()),
    "_scale": ("<f8", ()),
    "_values": ("<i8", ()),
    "_edge_count": ("|u1", ()),
    "_edges": ("<f4", (EDGES,)),
    "_sample": ("<f4", (RESERVOIR,)),
}
_BY_COLUMN = {"_keys": ("<u8", ()), "_groups": ("<i4", ()), "_is_cross": ("|b1", ()), "_sums": ("<f8", ()), "_slots": ("<i2", ())}
_WEIGHTS = ("weight", "z", "root")
"""What `_ftrl` holds for each part of a column, in its order; states keep one after the other, each (columns, rates, parts)."""
_OTHERS = {
    "_loss": "<f8",
    "_base_loss": "<f8",
    "_trial_z": "<f4",
    "_trial_root": "<f4",
    "_gain": "<f8",
    "_contexts": "<i8",
    "_taught": "<u4",
}


class HazardLearner:
    """Learns hazards from interval labels, each when it comes, and keeps to what was foretold when the score was made.

    Four FTRL regressions that differ in their rate, and one Gaussian belief about the weights, share one set of features; Hedge weighs
    them by the log loss of the hazards that are frozen in the examples. Bins, means and the vocabulary come from the examples too, so
    that a replay and the jobs see the same.

    Parameters
    ----------
    prior
        Propensity before any label, in (0, 1).
    intervals
        K, at least 1.
    configuration
        Its name: which configuration it has (`configurations.CONFIGURATIONS`).
    """

    _attributes: Array
    _flags: Array
    _seen: Array
    _first: Array
    _counts: Array
    _mean: Array
    _squares: Array
    _scale: Array
    _values: Array
    _edge_count: Array
    _edges: Array
    _sample: Array
    _keys: Array
    _groups: Array
    _is_cross: Array
    _sums: Array
    _slots: Array
    _ftrl: Array
    _held: Held | None

    def __init__(self, *, prior: float, intervals: int, configuration: str = LEARNER) -> None:
        self.name = configuration
        rates, self._with_base = CONFIGURATIONS[configuration]
        self._rates = np.array(rates)
        self._start, self._trial_start = hazard_logit(prior, intervals), hazard_logit(prior, 1)
        self._intervals = intervals
        self._observed = self._labels = 0
        self._context, self._with_clock = -1, False
        self._base_sums = np.zeros(4)  # of the base's logits and how many there were; the same of our own, fading
        for name, (kind, shape) in _BY_ATTRIBUTE.items():
            setattr(self, name, np.zeros((WIDTH, *shape), kind))
        self._attributes = dense_attributes()
        for name, (kind, shape) in _BY_COLUMN.items():
            setattr(self, name, np.zeros((1, *shape), kind))
        self._groups = np.array([-1], np.int32)
        self._ftrl = np.zeros((1, parts_of(intervals), len(_WEIGHTS), len(RATES)), np.float32)
        self._loss, self._base_loss = np.zeros(EXPERTS), np.zeros(len(SHARES))
        self._tried = np.zeros((TRIALS, SLOTS, 2), np.float32)
        self._gain, self._contexts = np.zeros(TRIALS), np.full(TRIALS, -1, np.int64)
        self._taught = np.zeros(REMEMBERED, np.uint32)
        self._waiting: deque[tuple[int, float, bytes]] = deque()
        self._lessons: list[Lesson] = []
        self._judging = 0
        self._untried: list[tuple[MaturedExample, bytes]] = []
        self._columns = 1
        self._slots[0] = 1
        self._believed = self._biases
        self._belief = np.zeros(self._believed)
        self._covariance = unsure(self._believed, self._biases)
        self._gains, self._taken = no_gains(self._believed)
        self._index()

    @property
    def _trial_z(self) -> Array:
        """(trials, SLOTS), as states keep it."""
        return self._tried[..., 0]

    @_trial_z.setter
    def _trial_z(self, z: Array) -> None:
        self._tried[..., 0] = z

    @property
    def _trial_root(self) -> Array:
        """(trials, SLOTS), as states keep it."""
        return self._tried[..., 1]

    @_trial_root.setter
    def _trial_root(self, root: Array) -> None:
        self._tried[..., 1] = root

    @property
    def _biases(self) -> int:
        return 1 if self._intervals == 1 else 1 + self._intervals

    def learn(self, example: MaturedExample) -> int:
        """Learn every interval label of the example; returns how many there were."""
        features = example.features
        if not self._with_base:
            features = vector_from_bytes(features).without(PATTERN_MODEL).to_bytes()
        hazards = example.hazards if len(example.hazards) == EXPERTS * self._intervals else ()
        known = (struct.pack(f"<{len(hazards)}d", *hazards), example.event_id.encode(), self._context, self._with_clock)
        observed = self._observed + (example.first_interval == 0)
        labels = (observed, example.first_interval, example.last_interval, example.is_converted, example.is_final)
        columns, believed = learn_example(self._holding(), features, *known, self._columns, self._believed, *labels)
        if columns < 0:
            vector = vector_from_bytes(features)
            features = vector.to_bytes()
            self._make_room(vector.ids)
            columns, believed = learn_example(self._holding(), features, *known, self._columns, self._believed, *labels)
            if columns < 0:
                raise FatalError(self._still_short(example))
        self._columns, self._believed, self._observed = columns, believed, observed
        if example.is_final:
            self._untried.append((example, features))
            if len(self._untried) + self._judging >= AT_ONCE:
                self._try()
        count = example.last_interval - example.first_interval + 1
        self._labels += count
        return count

    def _try(self) -> None:
        """Bring what waits to the trials."""
        self._order_lessons()
        context, self._with_clock = try_lessons(self._holding(), written(self._lessons), self._context, self._with_clock)
        self._lessons.clear()
        self._judging = 0
        if context != self._context:
            self._change_context(context)

    def _order_lessons(self) -> None:
        """Let the trials be taught, before they are judged by a label, what was known when its event was scored."""
        waiting = self._waiting
        for example, features in self._untried:
            while waiting and (waiting[0][0] <= example.as_of or len(waiting) >= WAITING):
                _, label, known = waiting.popleft()
                self._lessons.append(Lesson(True, label > 0.0, 0, known))
            self._lessons.append(Lesson(False, example.is_converted, zlib.crc32(example.lead.encode()), features))
            waiting.append((example.matured_at, 1.0 if example.is_converted else 0.0, features))
        self._judging += len(self._untried)
        self._untried.clear()

    def _holding(self) -> Held:
        if self._held is None:
            by_attribute, by_column = ([getattr(self, name) for name in names] for names in (_BY_ATTRIBUTE, _BY_COLUMN))
            self._held = hold(
                self._start,
                self._trial_start,
                self._intervals,
                self._rates,
                *self._attribute_table,
                *by_attribute,
                *self._column_table,
                *by_column,
                self._ftrl,
                self._loss,
                self._base_loss,
                self._base_sums,
                self._belief,
                self._covariance,
                self._gains,
                self._taken,
                self._tried,
                self._gain,
                self._contexts,
                self._taught,
            )
        return self._held

    def _make_room(self, ids: Array) -> None:
        """Make sure that a vector's attributes have a place, and its features room for theirs."""
        self._meet(ids)
        room = room_for(len(self._attributes))
        self._reserve(room)
        self._reserve_belief(room)

    def _still_short(self, example: MaturedExample) -> str:
        return (
            f"event {example.event_id} of {example.tenant} was not learned: there is no room for it after room was made, for "
            f"{len(self._attributes)} attributes, {self._columns} of {len(self._keys)} columns and {self._believed} of {len(self._belief)} "
            f"places in the belief; `lesson` and `HazardLearner` disagree on what is enough"
        )

    def model(self) -> HazardModel:
        """What was learned so far, ready to score; columns that weigh nothing are left out."""
        n, g = self._columns, len(self._attributes)
        weight = self._weights()
        mean_input = self._sums[:n] / max(self._observed, 1)
        mean_input[0] = 1.0
        baseline = np.zeros((g + 1, *weight.shape[1:]))
        np.add.at(baseline, self._groups[:n], weight.astype(np.float64) * mean_input[:, None, None])
        base_sum, base_count, own_sum, own_count = self._base_sums.tolist()
        mixture = mix(self._base_loss, self._intervals, own_sum / own_count if own_count else None)
        kept = np.flatnonzero(weight.any(axis=(1, 2)))
        kept = np.concatenate([[0], kept[kept > 0]])
        return assembled(
            intervals=self._intervals,
            evidence=self._labels,
            start=self._start,
            context=self._context,
            with_clock=self._with_clock,
            base_share=mixture.share,
            base_mean=base_sum / base_count if base_count else 0.0,
            slope=mixture.slope,
            pivot=mixture.pivot,
            attributes=self._attributes.copy(),
            flags=self._flags.copy(),
            mean=self._mean.copy(),
            scale=self._scale.copy(),
            edge_count=self._edge_count.copy(),
            edges=self._edges.copy(),
            keys=self._keys[kept],
            groups=self._groups[kept],
            is_cross=self._is_cross[kept],
            weight=weight[kept],
            baseline=baseline,
            trust=trust(self._loss),
        )

    def _weights(self) -> Array:
        """(columns, EXPERTS, parts), the belief last."""
        n = self._columns
        weight = np.zeros((n, EXPERTS, self._ftrl.shape[1]), np.float32)
        weight[:, :-1] = self._ftrl[:n, :, 0].swapaxes(1, 2)
        placed = np.flatnonzero(self._slots[:n])
        weight[placed, -1, 0] = self._belief[self._slots[placed] - 1]
        weight[0, -1, 1:] = self._belief[1 : self._biases]
        return weight

    def _meet(self, ids: Array) -> None:
        """Give every attribute of a vector a place, as far as there are any left."""
        keys, places = self._attribute_table
        room = ATTRIBUTES - len(self._attributes)
        if not room or first_unknown(ids, keys, places) < 0:
            return
        hashes = ids >> np.uint64(32)
        new = [int(one) for one in hashes.tolist() if find(keys, places, np.uint64(mixed(np.uint64(one)))) < 0]
        new = sorted(set(new))[:room]
        if not new:
            return
        for name, (kind, shape) in _BY_ATTRIBUTE.items():
            more = np.array(new, np.uint32) if name == "_attributes" else np.zeros((len(new), *shape), kind)
            setattr(self, name, np.concatenate([getattr(self, name), more]))
        self._index_attributes()

    def _change_context(self, context: int) -> None:
        """Cross with another attribute; what was learned of the old crosses is given up, their room with it."""
        self._context = context
        self._believe_no_cross()
        kept = np.flatnonzero(~self._is_cross[: self._columns])
        for name in (*_BY_COLUMN, "_ftrl"):
            setattr(self, name, getattr(self, name)[kept])
        self._columns = len(kept)
        self._index()
        self._reserve(room_for(len(self._attributes)))

    def _believe_no_cross(self) -> None:
        """Forget what is believed of crosses; what is believed of the other features, that included what the crosses taught, stays."""
        n = self._columns
        self._settle()
        placed = np.flatnonzero((self._slots[:n] > 0) & ~self._is_cross[:n])
        placed = placed[np.argsort(self._slots[placed])]
        biases = np.arange(1, self._biases)
        kept = np.concatenate([[0], biases, self._slots[placed[1:]] - 1]).astype(np.int64)
        self._slots[:] = 0
        self._slots[placed] = np.concatenate([[1], np.arange(len(biases) + 2, len(kept) + 1)])
        self._held = None
        self._believed, size = len(kept), len(self._belief)
        covariance = unsure(size, self._biases)
        covariance[: len(kept), : len(kept)] = self._covariance[np.ix_(kept, kept)]
        self._covariance = covariance
        self._belief = np.concatenate([self._belief[kept], np.zeros(size - len(kept))])

    def _reserve(self, room: int) -> None:
        """Make sure that so many columns can be added: arrays double, tables stay at most half full."""
        wanted = min(self._columns + room, COLUMNS + room)
        if len(self._keys) < wanted:
            self._held = None
            size = max(2 * len(self._keys), wanted)
            for name in (*_BY_COLUMN, "_ftrl"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros((size - len(old), *old.shape[1:]), old.dtype)]))
        if 2 * wanted > len(self._column_table[0]):
            self._index_columns(wanted)

    def _reserve_belief(self, room: int) -> None:
        """Make sure that so many features can be given a place, or all places that there are."""
        size = len(self._belief)
        wanted = min(self._believed + room, PLACES)
        if wanted > size:
            self._held = None
            self._settle()
            grown = min(max(2 * size, wanted), PLACES)
            covariance = unsure(grown, self._biases)
            covariance[:size, :size] = self._covariance
            self._covariance = covariance
            self._belief = np.concatenate([self._belief, np.zeros(grown - size)])
            self._gains, self._taken = no_gains(grown)

    def _settle(self) -> None:
        settle(self._covariance, self._gains, self._taken, self._believed)

    def _index(self) -> None:
        self._index_attributes()
        self._index_columns(self._columns)

    def _index_attributes(self) -> None:
        self._held = None
        self._attribute_table = attribute_table(self._attributes)

    def _index_columns(self, wanted: int) -> None:
        self._held = None
        self._column_table = column_table(self._keys[: self._columns], wanted)

    def to_bytes(self) -> bytes:
        """Everything needed to go on learning elsewhere: a version, counts, arrays; compressed, as most trials are empty."""
        counts = [
            self._intervals,
            self._start,
            self._trial_start,
            self._observed,
            self._labels,
            self._context,
            self._with_clock,
            *self._base_sums[:2].tolist(),
            self._columns,
            self._believed,
            *self._base_sums[2:].tolist(),
        ]
        arrays = [getattr(self, name).tobytes() for name in (*_BY_ATTRIBUTE, *_OTHERS)]
        columns = [getattr(self, name)[: self._columns].tobytes() for name in _BY_COLUMN]
        columns += [self._ftrl[: self._columns, :, which].swapaxes(1, 2).tobytes() for which in range(len(_WEIGHTS))]
        self._settle()
        self._order_lessons()
        belief = [self._belief.astype("<f8").tobytes(), self._covariance.astype("<f4").tobytes()]
        trials = [[(*rest, in_order(vector_from_bytes(features))) for *rest, features in of] for of in (self._waiting, self._lessons)]
        body = zlib.compress(bytes(msgpack.packb([counts, arrays, columns, belief, *trials])), 1)
        return bytes((VERSION,)) + body

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_held": None}

    @classmethod
    def from_bytes(cls, data: bytes, *, configuration: str = LEARNER) -> "HazardLearner":
        """The learner that `to_bytes` wrote, of this configuration.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        if data[:1] not in {bytes((known,)) for known in (VERSION, BEFORE_SINGLE, BEFORE_LESSONS, BEFORE_SLOPE)}:
            raise FatalError(f"learner state of version {data[:1].hex()}, this release reads {BEFORE_SLOPE} to {VERSION}")
        counts, arrays, columns, belief, waiting, *lessons = msgpack.unpackb(zlib.decompress(data[1:]))
        if data[0] == BEFORE_SLOPE:
            counts[7:9] = [0.0, 0.0]
            counts += [0.0, 0.0]
            arrays[len(_BY_ATTRIBUTE) + list(_OTHERS).index("_base_loss")] = bytes(8 * len(SHARES))
        learner = cls(prior=0.5, intervals=counts[0], configuration=configuration)
        (
            _,
            learner._start,
            learner._trial_start,
            learner._observed,
            learner._labels,
            learner._context,
            learner._with_clock,
            base_sum,
            base_count,
            learner._columns,
            learner._believed,
            *own,
        ) = counts
        learner._base_sums = np.array([base_sum, base_count, *own])
        kinds = {name: (kind, (-1, *shape)) for name, (kind, shape) in _BY_ATTRIBUTE.items()}
        kinds |= {name: (kind, getattr(learner, name).shape) for name, kind in _OTHERS.items()}
        for (name, (kind, shape)), read in zip(kinds.items(), arrays, strict=True):
            setattr(learner, name, np.frombuffer(read, kind).reshape(shape).copy())
        by_column, weights = columns[: len(_BY_COLUMN)], columns[len(_BY_COLUMN) :]
        for (name, (kind, shape)), read in zip(_BY_COLUMN.items(), by_column, strict=True):
            setattr(learner, name, np.frombuffer(read, kind).reshape((-1, *shape)).copy())
        kind = "<f8" if data[0] <= BEFORE_SINGLE else "<f4"
        learner._take_weights(*(np.frombuffer(read, kind).reshape(-1, len(RATES), parts_of(counts[0])) for read in weights))
        learner._belief = np.frombuffer(belief[0], "<f8").copy()
        learner._covariance = np.frombuffer(belief[1], "<f4").reshape(2 * [len(learner._belief)]).copy()
        learner._gains, learner._taken = no_gains(len(learner._belief))
        learner._waiting = deque((at, label, features) for at, label, features in waiting)
        learner._lessons = [Lesson(*lesson) for waiting_lessons in lessons for lesson in waiting_lessons]
        learner._judging = sum(not lesson.is_taught for lesson in learner._lessons)
        learner._index()
        return learner

    @classmethod
    def from_pool(cls, pool: HazardModel, *, prior: float) -> "HazardLearner":
        """A learner for a new tenant that begins where a pooled model ended.

        Its weights and bins are the pool's; its own labels move them as if the pool had seen but a few of them. It has no evidence of
        its own yet.
        """
        learner = cls(prior=prior, intervals=pool.intervals)
        g, n = len(pool.attributes), len(pool.keys)
        for name, (kind, shape) in _BY_ATTRIBUTE.items():
            setattr(learner, name, np.zeros((g, *shape), kind))
        for name in ("attributes", "flags", "mean", "scale", "edge_count", "edges"):
            setattr(learner, f"_{name}", getattr(pool, name).copy())
        learner._counts = np.where(pool.edge_count > 0, REFITS[-1] + 1, 0).astype(np.int64)
        learner._squares = learner._counts / np.maximum(pool.scale, 1e-9) ** 2 * (pool.scale > 0.0)
        learner._keys = pool.keys.copy()
        weight = pool.weight[:, :-1].astype(np.float64)
        root = np.full(weight.shape, POOL_SQUARES**0.5)
        learner._take_weights(weight, -weight * ((BETA + root) / learner._rates[None, :, None] + L2), root)
        learner._groups, learner._is_cross, learner._sums = pool.groups.astype(np.int32), pool.is_cross.astype(np.bool_), np.zeros(n)
        learner._slots = np.zeros(n, np.int16)
        learner._columns = n
        learner._take_belief(pool.weight[:, -1])
        learner._context, learner._with_clock = pool.context, pool.with_clock
        learner._loss = -np.log(np.maximum(pool.trust, 1e-6)) / HEDGE_RATE
        learner._index()
        return learner

    def _take_weights(self, weight: Array, z: Array, root: Array) -> None:
        """What FTRL knows, each (columns, rates, parts)."""
        self._ftrl = np.ascontiguousarray(np.stack([weight, z, root], axis=1).transpose(0, 3, 1, 2), np.float32)

    def _take_belief(self, weight: Array) -> None:
        """Begin with the belief of a pooled model, (columns, parts), less sure than the pool was."""
        placed = np.concatenate([[0], 1 + np.flatnonzero(weight[1:, 0])])[: PLACES - self._biases + 1]
        self._slots[placed] = np.concatenate([[1], np.arange(self._biases + 1, self._biases + len(placed))])
        self._believed = self._biases + len(placed) - 1
        self._belief = np.zeros(self._believed)
        self._belief[self._slots[placed] - 1] = weight[placed, 0]
        self._belief[1 : self._biases] = weight[0, 1 : self._biases]
        self._covariance = np.diag(np.full(self._believed, POOLED_VARIANCE, np.float32))
        self._gains, self._taken = no_gains(self._believed)
