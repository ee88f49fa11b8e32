"""The benchmark measures what it says: checked without servers."""

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from infra.stack import process
from models.engine import Engine, VersionedModel
from models.evaluation.stream import records
from models.learning.hazard_model import model_from_bytes
from models.memory import LeadMemory
from schemas.errors import FatalError
from schemas.ids import Millis, lead_key
from schemas.score import LeadScore
from tests.bench import model_cost, running
from tests.bench.arrivals import speed
from tests.bench.expected import expected
from tests.bench.latency import percentiles
from tests.bench.runners.task import OneLead
from tests.bench.workload import SPAN_MS, Workload
from tests.unit.evaluation.market import market

SMALL = Workload(events=300, leads=40)
SLEEPER = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"


def scores_with_one_lead_states(workload: Workload) -> list[LeadScore]:
    """Event by event, each lead's memory through its bytes: as in a framework that keeps state by lead."""
    snapshot = workload.snapshot()
    model = VersionedModel(snapshot.version, model_from_bytes(snapshot.payload))
    engine, stored, scores = Engine({}), dict[str, bytes](), []
    for event in workload.stream():
        key = lead_key(event.tenant, event.lead)
        memories = OneLead(LeadMemory.from_bytes(stored[key])) if key in stored else OneLead()
        scores += engine.process([event], memories, lambda _tenant: model, now=Millis(0)).scores
        stored[key] = memories.memory.to_bytes()
    return scores


def test_state_kept_lead_by_lead_gives_the_expected_scores() -> None:
    """What Bytewax and Quix Streams are given to keep is enough to score every event, bit for bit."""
    truth = expected(SMALL)

    scores = scores_with_one_lead_states(SMALL)

    assert [str(i) for i in range(300)] == [score.event_id for score in scores]
    assert [] == [score.event_id for score in scores if truth.differs(score)]


def test_a_score_that_is_off_by_the_last_bit_is_noticed() -> None:
    """A propensity next to the right one counts as wrong."""
    score = scores_with_one_lead_states(SMALL)[7]

    assert expected(SMALL).differs(score._replace(propensity=float(np.nextafter(score.propensity, 1))))


def test_a_score_that_names_an_unknown_model_is_noticed() -> None:
    """A version that was never published counts as wrong."""
    score = scores_with_one_lead_states(SMALL)[7]

    assert expected(SMALL).differs(score._replace(model_version=99))


def test_every_lead_answers_the_roll_call_first() -> None:
    """With a roll call each lead has one event before any has two."""
    events = list(SMALL._replace(has_roll_call=True).stream())

    assert {1} == {event.sequence for event in events[:40]}
    assert 40 == len({event.lead for event in events[:40]})
    assert 340 == len(events)


def test_no_label_is_due_within_a_workload() -> None:
    """A workload of any size ends within a day of event time."""
    times = [event.occurred_at for event in SMALL.stream()]

    assert sorted(times) == times
    assert times[-1] - times[0] < SPAN_MS


def test_speed_is_that_of_the_steady_state() -> None:
    """A slow start and a slow end change nothing between the marks."""
    at = np.cumsum([100] * 20 + [1] * 70 + [100] * 10)

    assert 70 * 1000 / 169 == speed(at)  # the 90 % mark is the first of the slow end


def test_what_was_received_before_the_measurement_does_not_count() -> None:
    """Records of the warm-up are left out."""
    times = np.array([[0, 900], [10, 20], [20, 40]])

    assert (15.0, 19.9, 2) == percentiles(times, 10)


def test_a_runner_is_stopped_with_its_children(tmp_path: Path) -> None:
    """A program's own child, as a JVM is, does not outlive it."""
    identity = process.spawn([sys.executable, "-c", SLEEPER], log=tmp_path / "log")
    while not (children := psutil.Process(identity.pid).children()):
        pass
    child = process.Identity(children[0].pid, children[0].create_time())

    running.stop(identity)

    assert not identity.is_running
    assert not child.is_running


def test_a_runner_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    """What a failed runner wrote last is in the error."""
    command = [sys.executable, "-c", "raise SystemExit('no such topic')"]

    with pytest.raises(FatalError, match="no such topic"):
        running.run(command, env={}, log=tmp_path / "runner.log", total=1, count=lambda: 0, show=lambda _: None)


def test_the_models_cost_is_told_with_and_without_a_base():
    """A small market without a window, whose nights train a base: every figure is there, and a base costs something."""
    data = market(600)
    cost = model_cost.measure(model_cost.Stream("market", data.tenant, data.policy, list(records(data))))

    assert cost.has_base
    assert all(0.0 < cost.score[size] < cost.with_base[size] for size in model_cost.SIZES)
    assert 0.0 < cost.label == cost.point
    assert min(cost.model, cost.learner_bytes, cost.model_bytes, cost.memory_bytes, *cost.engine.values()) > 0.0
