"""What cannot be used ends whole among the dead letters; everything around it goes on."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from connectors.cassandra.client import CassandraClient
from schemas.dead_letter import DeadLetter
from schemas.score import LeadScore
from schemas.topics import Topic
from tests.e2e.bad_input.conftest import AHEAD, EARLY, GOOD, STRANGER, Poisoned, examples_of
from tests.e2e.bad_input.hazards import ENRICH, HAZARDS, Hazard
from tests.e2e.waiting import until

pytestmark = pytest.mark.timeout(1_800)  # the first test waits for servers and jobs, on cores that others may use too


@pytest.mark.parametrize("hazard", HAZARDS, ids=[hazard.name.replace(" ", "_") for hazard in HAZARDS])
def test_a_bad_record_becomes_a_dead_letter(poisoned: Poisoned, hazard: Hazard):
    """Whole, with the operator that gave up and why; a record without key or value has an empty one."""
    key, value = hazard.key or b"", hazard.value(poisoned.wire) or b""
    letters = [letter for letter in poisoned.dead if (letter.key, letter.value) == (key, value)]

    assert sorted((stage, hazard.topic.value, hazard.reason) for stage in hazard.stages) == sorted((x.stage, x.topic, x.reason) for x in letters)


def test_nothing_else_is_dead(poisoned: Poisoned):
    """No good record is among the dead letters, and each names the release that gave up."""
    assert sum(len(hazard.stages) for hazard in HAZARDS) == len(poisoned.dead)
    assert {True} == {bool(letter.processor_version and letter.message) for letter in poisoned.dead}


def test_good_records_are_not_touched(poisoned: Poisoned):
    """Every event between two bad records is scored, in order, and stored once."""
    deployment = poisoned.deployment
    scores = [score for score in deployment.read(Topic.SCORES_PUBLISHED, LeadScore) if score.lead in GOOD]
    with CassandraClient(deployment.cassandra) as client:
        rows = Counter(row.lead for row in client.rows("SELECT lead FROM score_history_by_lead") if row.lead in GOOD)

    assert {lead: list(range(1, len(HAZARDS) + 1)) for lead in GOOD} == {lead: [s.sequence for s in scores if s.lead == lead] for lead in GOOD}
    assert dict.fromkeys(GOOD, len(HAZARDS)) == rows


def test_an_outcome_of_an_unknown_lead_is_kept(poisoned: Poisoned):
    """It is shown as the CRM said it; without an event there is nothing to score or to learn from."""
    with CassandraClient(poisoned.deployment.cassandra) as client:
        outcomes = [row.outcome for row in client.rows("SELECT lead, outcome FROM outcomes_by_lead") if row.lead == STRANGER]
        scores = [row.lead for row in client.rows("SELECT lead FROM scores_by_lead") if row.lead == STRANGER]

    assert (["won"], [], []) == (outcomes, scores, examples_of(poisoned.deployment, STRANGER))


def test_an_outcome_before_its_events_labels_them(poisoned: Poisoned):
    """Events of Monday and Tuesday that come after Friday's outcome are scored and count as converted; one of Saturday is not scored."""
    examples = examples_of(poisoned.deployment, EARLY)
    scores = [score for score in poisoned.deployment.read(Topic.SCORES_PUBLISHED, LeadScore) if score.lead == EARLY]

    assert [1, 2] == [score.sequence for score in scores]
    assert [(1, 2, True), (2, 1, True)] == sorted((e.sequence, e.last_interval, e.is_converted) for e in examples if e.is_final)


def test_an_event_two_hours_ahead_is_scored(poisoned: Poisoned):
    """A clock of another time zone is no reason to lose an event; Kafka takes what enrichment lets in."""
    scores = [score for score in poisoned.deployment.read(Topic.SCORES_PUBLISHED, LeadScore) if score.lead == AHEAD]

    assert [1] == [score.sequence for score in scores]


def test_dead_letters_are_listed_and_replayed(poisoned: Poisoned):
    """`dead-letters list` shows what died; `replay` sends it back, where it dies again as long as nothing was mended."""
    deployment = poisoned.deployment
    of_enrichment = sum(ENRICH in hazard.stages for hazard in HAZARDS)
    before = deployment.count(Topic.RECORDS_DEAD)

    listed = command(poisoned, "list", "--reason", "too_large")
    replayed = command(poisoned, "replay", "--stage", ENRICH)

    assert (True, True) == ("acme|ten-mb" in listed, f"{of_enrichment} sent back" in replayed)
    until(lambda: deployment.count(Topic.RECORDS_DEAD) >= before + of_enrichment, "the letters that were sent back")
    again = Counter((letter.key, letter.value) for letter in deployment.read(Topic.RECORDS_DEAD, DeadLetter) if letter.stage == ENRICH)
    assert {2} == set(again.values())


def command(poisoned: Poisoned, *arguments: str) -> str:
    environment = {**os.environ, **poisoned.deployment.environment, "COLUMNS": "250"}
    program = [sys.executable, "-m", "infra", "dead-letters", *arguments]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
