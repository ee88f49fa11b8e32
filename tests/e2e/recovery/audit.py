"""What a deployment holds, against what it was fed: nothing lost, nothing twice, everything in order."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set

from connectors.cassandra.client import CassandraClient
from connectors.kafka.consumer import read_values
from infra.verify import verify
from models.identity.kinds import lead_named_by
from models.identity.sighting import sighting_of
from schemas.enriched import EnrichedEvent
from schemas.event import LEAD_MOVED, PROFILE_UPDATED, Event
from schemas.example import MaturedExample
from schemas.model_snapshot import ModelSnapshot
from schemas.outcome import Outcome
from schemas.policy import TenantPolicy
from schemas.score import LeadScore
from schemas.topics import Topic
from tests.builders import TENANT
from tests.e2e.deployment import Deployment
from tests.e2e.recovery.labels import missing

Identity = tuple[str, str]
"""A lead and an event, or an outcome, of the one tenant that there is."""


def problems(deployment: Deployment) -> list[str]:
    """What is wrong, in a line each, once everything that was fed has been dealt with.

    Leads act no more after their outcome, so that each of their engagements is to be scored. Scores may be published twice after a
    failure; how many were is printed.
    """
    deployment.settle()
    events = {(e.lead, e.event_id): e for e in deployment.fed if isinstance(e, Event)}
    engagements = {identity for identity, event in events.items() if event.type != PROFILE_UPDATED}
    outcomes = {(o.lead, o.outcome_id) for o in deployment.fed if isinstance(o, Outcome)}
    verdict = verify(deployment.kafka, deployment.codec, {})
    dead = deployment.count(Topic.RECORDS_DEAD)
    print(f"\n{len(deployment.fed)} records fed, {verdict}")  # noqa: T201 - repeats are allowed, and reported
    with CassandraClient(deployment.cassandra) as client:
        return [
            *([] if verdict.is_sound else [f"scores that cannot be computed again: {verdict}"]),
            *([f"{dead} dead letters"] if dead else []),
            *_received(events, deployment),
            *_sequences(events, deployment),
            *_labels(deployment),
            *_rows("events_by_lead", "lead, event_id", engagements, client),
            *_rows("score_history_by_lead", "lead, event_id", engagements, client),
            *_rows("outcomes_by_lead", "lead, outcome_id", outcomes, client),
            *_rows("leads_by_band", "lead, tenant", {(lead, TENANT) for lead, _ in engagements} - {(lead, TENANT) for lead, _ in outcomes}, client),
            *_latest(client),
            *_ranks(deployment, {lead for lead, _ in outcomes}, client),
        ]


def _received(events: Iterable[Identity], deployment: Deployment) -> Iterator[str]:
    """What was fed is in Kafka: what is missing here was lost before any job could read it."""
    received = {(event.lead, event.event_id) for event in deployment.read(Topic.EVENTS_RECEIVED, Event)}
    if lost := set(events) - received:
        yield f"events.received: {len(lost)} were acknowledged and are not there, first {min(lost)}"


def _sequences(events: Mapping[Identity, Event], deployment: Deployment) -> Iterator[str]:
    """Each lead's events, numbered from 1 in order of their publication, the same number however often they were published.

    Beside the leads there are the ids that events name them by: of such an id nothing is published but that it is the lead's.
    """
    numbers: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
    types: defaultdict[str, set[str]] = defaultdict(set)
    for value in read_values(deployment.kafka, deployment.codec, Topic.EVENTS_ENRICHED):
        assert isinstance(value, EnrichedEvent)
        numbers[value.lead].add((value.event_id, value.sequence))
        types[value.lead].add(value.type)
    expected: defaultdict[str, list[str]] = defaultdict(list)
    names: set[str] = set()
    for (lead, event_id), event in events.items():
        expected[lead].append(event_id)
        seen = sighting_of(event, None)
        names.update(lead_named_by(name) for name in (*seen.people, *seen.devices))
    wrong = [lead for lead, ids in expected.items() if set(zip(ids, range(1, len(ids) + 1), strict=True)) != numbers[lead]]
    if wrong:
        yield f"events.enriched: {len(wrong)} of {len(expected)} leads with other sequences, first {wrong[0]}: {sorted(numbers[wrong[0]])}"
    others = numbers.keys() - expected.keys()
    if strangers := others - names:
        yield f"events.enriched: {len(strangers)} leads that nobody sent, first {min(strangers)}"
    if torn := {name for name in others & names if types[name] != {LEAD_MOVED}}:
        yield f"events.enriched: {len(torn)} of {len(others)} ids of leads with more than their move, first {min(torn)}"


def _labels(deployment: Deployment) -> Iterator[str]:
    """No label is known before event time has come to it, whatever stood still meanwhile; every one of an undisturbed run is there.

    What is said twice is said alike, and learned once.
    """
    latest = max(record.occurred_at for record in deployment.fed)
    examples = deployment.read(Topic.EXAMPLES_MATURED, MaturedExample)
    if early := [example for example in examples if example.matured_at > latest]:
        yield f"examples.matured: {len(early)} of {len(examples)} before their time, first {early[0].lead} {early[0].sequence}"
    said: defaultdict[tuple[str, int, int], set[bool]] = defaultdict(set)
    for e in examples:
        for interval in range(e.first_interval, e.last_interval + 1):
            said[e.lead, e.sequence, interval].add(e.is_converted and interval == e.last_interval)
    learned = max((snapshot.labels for snapshot in deployment.read(Topic.MODELS_PUBLISHED, ModelSnapshot)), default=0)
    print(f"{len(said)} labels, {sum(e.last_interval - e.first_interval + 1 for e in examples)} published, {learned} learned")  # noqa: T201
    if learned != len(said):
        yield f"models.published: {learned} labels learned of {len(said)}"
    if lost := missing(deployment.fed, examples, TenantPolicy()):
        yield f"examples.matured: {len(lost)} labels missing, first {lost[0]}"
    if torn := [label for label, values in said.items() if len(values) > 1]:
        yield f"examples.matured: {len(torn)} of {len(said)} labels both ways, first {min(torn)}"


def _rows(table: str, columns: str, expected: set[Identity], client: CassandraClient) -> Iterator[str]:
    """One row for each, and no other."""
    found = Counter(tuple(row) for row in client.rows(f"SELECT {columns} FROM {table}"))
    wrong = {
        "without a row": expected - found.keys(),
        "that nobody sent": found.keys() - expected,
        "with several rows": {identity for identity, count in found.items() if count > 1},
    }
    for problem, identities in wrong.items():
        if identities:
            yield f"{table}: {len(identities)} of {len(expected)} {problem}, first {min(identities)}"


def _latest(client: CassandraClient) -> Iterator[str]:
    """A lead's score is the one of its last event."""
    last: dict[str, tuple[int, float]] = {}
    for row in client.rows("SELECT lead, sequence, propensity FROM score_history_by_lead"):
        last[row.lead] = max(last.get(row.lead, (0, 0.0)), (row.sequence, row.propensity))
    scores = {row.lead: (row.sequence, row.propensity) for row in client.rows("SELECT lead, sequence, propensity FROM scores_by_lead")}
    if other := {lead for lead in last | scores if last.get(lead) != scores.get(lead)}:
        yield f"scores_by_lead: {len(other)} of {len(last)} leads with another score than their last, first {min(other)}"


def _ranks(deployment: Deployment, closed: Set[str], client: CassandraClient) -> Iterator[str]:
    """A lead's place is by a score of its last event: of two models' scores, where it was scored again after a failure, the better one.

    One that was won or lost has none (`_rows`).
    """
    scores: defaultdict[str, defaultdict[int, set[float]]] = defaultdict(lambda: defaultdict(set))
    for score in deployment.read(Topic.SCORES_PUBLISHED, LeadScore):
        scores[score.lead][score.sequence].add(score.propensity)
    ranks = {row.lead: row.propensity for row in client.rows("SELECT lead, propensity FROM leads_by_band")}
    if other := {lead for lead, of_lead in scores.items() if lead not in closed and ranks.get(lead) not in of_lead[max(of_lead)]}:
        yield f"leads_by_band: {len(other)} of {len(scores)} leads ranked by no score of their last event, first {min(other)}"
