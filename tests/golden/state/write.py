"""`python -m tests.golden.state.write`: golden files for state encodings that have none yet. Those that exist are never written again.

A golden file is state as some release wrote it (`<what>.v<version>.bin`) and what it meant (`.json`). When an encoding changes, its version
byte does too, the new version gets a file, and the old ones go on being read.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import numpy as np

from connectors.crm.contract import Limits, revision_of
from connectors.crm.delivery import decided, gate
from connectors.crm.delivery import pending as pushes
from connectors.crm.delivery.decided import Decided
from connectors.crm.delivery.gate import Gate
from connectors.crm.delivery.pending import Pending
from connectors.crm.delivery.rules import Shown
from jobs.operators import lane_points
from jobs.operators.lane_points import page_from_bytes, page_to_bytes
from models import enrichment, handover, memory, pairing, prequential, progress, student, windowed
from models.features import packing, vector
from models.features.registry import WIDTH
from models.features.vector import FeatureVector, categorical_id, numeric_id, vector_from_bytes
from models.identity import known as known_identifier
from models.identity import stitcher
from models.identity.known import Known, Parting
from models.identity.stitcher import Standing
from models.learning import hazard_learner, hazard_model
from models.learning.hazard_learner import HazardLearner
from models.learning.hazard_model import HazardModel, model_from_bytes
from models.memory import LeadMemory, PendingPoint
from models.pairing import KeptPoint, KeptShadow, point_from_bytes
from schemas.champion_choice import ChampionChoice
from schemas.enriched import EnrichedEvent
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.override import Override
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import a_model
from tests.packed import packed_alone
from tests.results import a_score

FOLDER = Path(__file__).parent
FIRST_OF_THIS_LEARNER = 4
"""Of a student: it has challengers too since then."""
FORGOTTEN = {"learner.v3": ("base_share", "slope", "pivot"), "student.v4": ("base_share", "slope", "pivot"), "model.v3": ("slope", "pivot")}
"""Of a model in these files: what later releases decide anew, or what was not there yet."""
CONTESTED = TenantPolicy(window_ms=None, challengers=("slow", "plain"))
MONDAY = Millis(1_772_442_000_000)


class Encoding(NamedTuple):
    """A state encoding: its version, an example, how to read it into what it means, and how to read and write it again."""

    version: int
    example: Callable[[], bytes]
    meaning: Callable[[bytes], Any]
    again: Callable[[bytes], bytes]


def a_vector() -> FeatureVector:
    """A few features of both kinds."""
    ids = np.array([categorical_id("plan", "pro"), numeric_id("seconds_on_page")], np.uint64)
    return FeatureVector(np.linspace(0, 1, WIDTH).astype(np.float32), ids, np.array([1.0, 3.5], np.float32))


def an_example(number: int) -> MaturedExample:
    """Every third converts."""
    is_converted = number % 3 == 0
    features = a_vector()._replace(dense=np.full(WIDTH, number, np.float32)).to_bytes()
    at = Millis(MONDAY + number)
    return MaturedExample("acme", "ada", f"e-{number}", number, at, at, 0, 1, is_converted, is_converted, 0.1 * number, [0.1, 0.2], 1, features)


def _memory() -> bytes:
    row = np.arange(memory.ROW_WIDTH, dtype=np.float64) * 1.5
    row[memory.OUTCOME_AT] = np.nan
    points = [PendingPoint(3, MONDAY, 0, 2**32 - 1), PendingPoint(4, MONDAY + 1, 2, 7, MONDAY + 5, 1)]
    return LeadMemory(row, points, np.array([7, 2**32 - 1], np.uint32)).to_bytes()


def _memory_meaning(data: bytes) -> Any:
    read = LeadMemory.from_bytes(data)
    # version 1 knew nothing of what stands behind the slots
    row = read.row[: memory.FADED] if data[0] == memory.BEFORE_CHANNELS else read.row
    meant = {"row": [None if np.isnan(value) else value for value in row.tolist()], "pending": [point._asdict() for point in read.pending]}
    return meant if data[0] <= memory.BEFORE_NAMES else meant | {"names": read.names.tolist()}


def _acquaintance() -> bytes:
    known = enrichment.Acquaintance()
    known.texts, known.numbers, known.account_id = {"plan": "für alle"}, {"employees": 40.0}, "account-1"
    known.recent, known.sequence, known.last_at, known.queued_for = {2**64 - 1: MONDAY, 7: MONDAY + 1}, 2, MONDAY, MONDAY + 600_000
    known.told_at, known.met = {"plan": MONDAY, "employees": MONDAY + 5}, {2**63: (MONDAY, 0), 9: (MONDAY, MONDAY + 7)}
    known.to, known.is_nobody, known.moves = "user-7", True, 3
    return known.to_bytes()


def _acquaintance_meaning(data: bytes) -> Any:
    known = enrichment.Acquaintance.from_bytes(data)
    # version 1 knew nothing of identity, and no instants of traits
    names = set(known.__slots__) - {"recent", "met"} - ({"told_at", "to", "is_nobody", "moves"} if data[0] == 1 else set())
    meant = {name: getattr(known, name) for name in names} | {"recent": [list(item) for item in known.recent.items()]}
    return meant | ({} if data[0] == 1 else {"met": [list(item) for item in known.met.items()]})


def _known() -> bytes:
    known = Known("user:u-7")
    known.note("user:u-7", MONDAY)
    known.note("device:b-1", MONDAY + 1)
    known.note("device:b-1", MONDAY + 2)
    known.aliases, known.partings = {"user:u-8"}, {"crm.hubspot:501": Parting(MONDAY, "c-1", is_apart=True)}
    return known.to_bytes()


def _known_meaning(data: bytes) -> Any:
    read = Known.from_bytes(data)
    return {name: sorted(value) if isinstance(value := getattr(read, name), set) else value for name in read.__slots__}


def _handover() -> bytes:
    point = point_from_bytes(_point())._replace(lead="b-1", sequence=3)
    memory_ = LeadMemory(np.arange(memory.ROW_WIDTH, dtype=np.float64), [PendingPoint(3, MONDAY, 0, 7)])
    given = handover.Handover("b-1", 2, is_returned=False, memory=memory_, points={3: point})
    moved = EnrichedEvent("acme", "b-1", "m", 4, "lead_moved", "observation", MONDAY, MONDAY, {}, {}, {}, {}, {}, {})
    return str(handover.event_of(given, lead="u-7", moved=moved).properties["memory"]).encode()


def _handover_read(data: bytes) -> handover.Handover:
    return handover.handover_in({"from": "b-1", "memory": data.decode()}, {"number": 2.0, "is_returned": 0.0})


def _handover_meaning(data: bytes) -> Any:
    read = _handover_read(data)
    return {
        "row": read.memory.row.tolist(),
        "points": [[number, point.lead, point.sequence, point.event_id] for number, point in read.points.items()],
    }


def _handover_again(data: bytes) -> bytes:
    moved = EnrichedEvent("acme", "b-1", "m", 4, "lead_moved", "observation", MONDAY, MONDAY, {}, {}, {}, {}, {}, {})
    return str(handover.event_of(_handover_read(data), lead="u-7", moved=moved).properties["memory"]).encode()


def _model() -> bytes:
    return a_model(intervals=2).to_bytes()


def _listed(columns: tuple[Any, ...]) -> list[Any]:
    return [column.tolist() for column in columns]


def _vector_meaning(data: bytes) -> Any:
    dense, ids, values = _listed(vector_from_bytes(data))
    # version 1 had one half of an id: a category's value, or a number's attribute
    return [dense, [one & vector.LOW or one >> 32 for one in ids] if data[0] == 1 else ids, values]


def _model_meaning(model: HazardModel) -> Any:
    fields = model._asdict()
    made = ("attribute_table", "column_table", "weight_of", "baseline_of")  # from the rest
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in fields.items() if name not in made}


def _learner() -> bytes:
    learning = HazardLearner(prior=0.2, intervals=2)
    for number in range(4):
        learning.learn(an_example(number))
    return learning.to_bytes()


def _prequential() -> bytes:
    metrics = prequential.Prequential()
    for number in range(10):
        metrics.update(number / 10, is_converted=number % 3 == 0)
    return metrics.to_bytes()


def _windowed() -> bytes:
    metrics = windowed.WindowedPrequential(30 * DAY_MS)
    for number in range(10):
        metrics.take(an_example(number)._replace(as_of=Millis(MONDAY + 7 * number * DAY_MS)), clock=MONDAY + 40 * DAY_MS)
    return metrics.to_bytes()


def _windowed_meaning(data: bytes) -> Any:
    read = windowed.WindowedPrequential.from_bytes(data, 30 * DAY_MS)
    then, waiting = read.counted.values(), read.waiting
    read.advance(2**62)
    return {"counted": then, "waiting": waiting, "in the end": read.counted.values()}


def _student() -> bytes:
    learning = student.Student("acme", CONTESTED)
    learning.learn([judged_example(number) for number in range(4)])
    learning.choose(ChampionChoice("acme", "c-1", "slow", "ops", MONDAY))
    learning.learn([judged_example(4)])
    return learning.to_bytes()


def judged_example(number: int) -> MaturedExample:
    """One that two challengers scored too."""
    said = {"shadow_learners": ["slow", "plain"], "shadow_propensities": [0.05 * number, 0.5], "shadow_hazards": [0.1, 0.2, 0.3, 0.4]}
    return an_example(number)._replace(**said)


def _read_student(data: bytes) -> student.Student:
    policy = CONTESTED if msgpack.unpackb(data)[0] >= FIRST_OF_THIS_LEARNER else CONTESTED._replace(challengers=())
    return student.Student.from_bytes(data, "acme", policy)


def _student_meaning(data: bytes) -> Any:
    read = _read_student(data)
    counts: dict[str, Any] = {name: getattr(read, name) for name in ("version", "examples", "labels", "as_of")}
    if read.duels:
        counts |= {"changes": [list(change) for change in read.standing.changes], "duels": [list(one) for one in read.verdicts().items()]}
    # before version 4 another learner, whose state says nothing to this one
    kept = {"model": _model_meaning(read.champion.model())} if msgpack.unpackb(data)[0] >= FIRST_OF_THIS_LEARNER else {}
    return counts | {"metrics": [list(metric) for metric in read.metrics()]} | kept


def _progress() -> bytes:
    of_lead = progress.LeadProgress(0, [])
    for first, last, sequence in ((0, 4, 2), (0, 1, 70_000)):
        of_lead.take(an_example(sequence)._replace(first_interval=first, last_interval=last))
    return of_lead.to_bytes()


def _progress_meaning(data: bytes) -> Any:
    read = progress.LeadProgress.from_bytes(data)
    return {"as_of": read.as_of, "learned": read.learned}


def _point() -> bytes:
    shadows = (KeptShadow("prox", 0.5, (0.25, 0.75)), KeptShadow("plain", 0.125, (0.5, 0.0)))
    return KeptPoint("e-1", 7, 0.25, (0.125, 0.5), a_vector().to_bytes(), "slow", shadows, "b-1", 3).to_bytes()


NAMES = np.array([*range(packing.PLACES - 1), int(a_vector().ids[0]) >> 32], np.uint32)
"""A lead's table that is full and lacks one of the vector's attributes."""


def _packed() -> bytes:
    return packed_alone(a_vector().to_bytes(), NAMES)[0]


def _packed_again(data: bytes) -> bytes:
    return packed_alone(packing.unpack(data, NAMES), NAMES)[0]


def _point_meaning(data: bytes) -> Any:
    point = point_from_bytes(data)
    # kept by steps of their logit since version 4, so that a library's last digit may differ
    meant = point._asdict() | {"hazards": _rounded(point.hazards), "features": point.features.hex()}
    shadows = [[shadow.learner, shadow.propensity, _rounded(shadow.hazards)] for shadow in meant.pop("shadows")]
    # version 1 had none but the first learner, version 2 none that had moved
    unknown = {1: {"learner", "lead", "sequence"}, 2: {"lead", "sequence"}}.get(data[0], set())
    return {name: value for name, value in (meant | ({"shadows": shadows} if data[0] > 1 else {})).items() if name not in unknown}


def _rounded(hazards: tuple[float, ...]) -> list[float]:
    return [round(hazard, 12) for hazard in hazards]


PENDING = Pending(a_score("ada", sequence=7), "grade", since=MONDAY, due_at=MONDAY + 2_000, attempts=1, is_doubtful=True, record="501")
SHOWN = Shown("501", revision_of(a_score("ada", sequence=6)), "C2", 0.25, MONDAY)


def _account() -> bytes:
    account = Gate(Limits(batch=100, daily=1_000), seed="acme|hubspot", kept=None, now=MONDAY)
    for _ in range(3):
        account.begin()
    account.succeeded(MONDAY + 100, None)
    return account.to_bytes()


def _account_again(data: bytes) -> Gate:
    return Gate(Limits(batch=100, daily=1_000), seed="acme|hubspot", kept=data, now=MONDAY + 100)


DECIDED = Decided(Override("acme", "lead|7", "o-1", "A1", "met at the fair", "sales-lead", "api", MONDAY, Millis(MONDAY + DAY_MS)), MONDAY + DAY_MS)


def _pending_meaning(data: bytes) -> list[Any]:
    score, *rest = pushes.pending_from_bytes(data)
    return [score[: pushes.KEPT_OF_SCORE], *rest]


ENCODINGS = {
    "pending": Encoding(
        pushes.VERSION,
        lambda: pushes.pending_to_bytes(PENDING),
        _pending_meaning,
        lambda data: pushes.pending_to_bytes(pushes.pending_from_bytes(data)),
    ),
    "shown": Encoding(
        pushes.VERSION,
        lambda: pushes.shown_to_bytes(SHOWN),
        pushes.shown_from_bytes,
        lambda data: pushes.shown_to_bytes(pushes.shown_from_bytes(data)),
    ),
    "decided": Encoding(
        decided.VERSION,
        lambda: decided.decided_to_bytes(DECIDED),
        decided.decided_from_bytes,
        lambda data: decided.decided_to_bytes(decided.decided_from_bytes(data)),
    ),
    # what was under way counts as ended by whoever reads it, so it is read twice to be the same again
    "account": Encoding(
        gate.VERSION,
        lambda: _account_again(_account()).to_bytes(),
        lambda data: msgpack.unpackb(msgpack.unpackb(data[1:])[1]),
        lambda data: _account_again(data).to_bytes(),
    ),
    "memory": Encoding(memory.VERSION, _memory, _memory_meaning, lambda data: LeadMemory.from_bytes(data).to_bytes()),
    "point": Encoding(pairing.VERSION, _point, _point_meaning, lambda data: point_from_bytes(data).to_bytes()),
    "page": Encoding(
        lane_points.VERSION,
        lambda: page_to_bytes({3: _point(), 7: _point()}),
        lambda data: {str(sequence): _point_meaning(point) for sequence, point in page_from_bytes(data).items()},
        lambda data: page_to_bytes(page_from_bytes(data)),
    ),
    "packed": Encoding(packing.PACKED, _packed, lambda data: _vector_meaning(packing.unpack(data, NAMES)), _packed_again),
    "vector": Encoding(
        vector.VERSION[0],
        lambda: a_vector().to_bytes(),
        _vector_meaning,
        lambda data: vector_from_bytes(data).to_bytes(),
    ),
    "acquaintance": Encoding(
        enrichment.VERSION, _acquaintance, _acquaintance_meaning, lambda data: enrichment.Acquaintance.from_bytes(data).to_bytes()
    ),
    "known": Encoding(known_identifier.VERSION, _known, _known_meaning, lambda data: Known.from_bytes(data).to_bytes()),
    "standing": Encoding(
        stitcher.VERSION,
        lambda: Standing("u-7", is_nobody=False, number=3, holder="b-1").to_bytes(),
        Standing.from_bytes,
        lambda data: Standing.from_bytes(data).to_bytes(),
    ),
    "handover": Encoding(handover.VERSION, _handover, _handover_meaning, _handover_again),
    "model": Encoding(
        hazard_model.VERSION,
        _model,
        lambda data: _model_meaning(model_from_bytes(data)),
        lambda data: model_from_bytes(data).to_bytes(),
    ),
    "learner": Encoding(
        hazard_learner.VERSION,
        _learner,
        lambda data: _model_meaning(HazardLearner.from_bytes(data).model()),
        lambda data: HazardLearner.from_bytes(data).to_bytes(),
    ),
    "prequential": Encoding(
        prequential.VERSION,
        _prequential,
        lambda data: prequential.Prequential.from_bytes(data).values(),
        lambda data: prequential.Prequential.from_bytes(data).to_bytes(),
    ),
    "progress": Encoding(progress.VERSION, _progress, _progress_meaning, lambda data: progress.LeadProgress.from_bytes(data).to_bytes()),
    "windowed": Encoding(
        windowed.VERSION,
        _windowed,
        _windowed_meaning,
        lambda data: windowed.WindowedPrequential.from_bytes(data, 30 * DAY_MS).to_bytes(),
    ),
    "student": Encoding(student.VERSION, _student, _student_meaning, lambda data: _read_student(data).to_bytes()),
}


def write_missing() -> list[str]:
    """Write a golden file for each current version that has none; returns the names."""
    written = []
    for what, encoding in ENCODINGS.items():
        name = f"{what}.v{encoding.version}"
        if not (FOLDER / f"{name}.bin").exists():
            data = encoding.example()
            (FOLDER / f"{name}.bin").write_bytes(data)
            (FOLDER / f"{name}.json").write_text(json.dumps(encoding.meaning(data), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            written.append(name)
    return written


if __name__ == "__main__":
    print("\n".join(write_missing()) or "every encoding has its golden file")  # noqa: T201 - a command's answer
