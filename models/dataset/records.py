"""Rows become records, in order of event time."""

import heapq
from collections.abc import Iterator

from models.dataset.attributes import Attributes, Properties
from models.dataset.facts import Facts
from models.dataset.manifest import Manifest
from schemas.event import PROFILE_UPDATED, Event
from schemas.ids import Millis
from schemas.outcome import Outcome

PROFILE_CHANNEL = "profile"

Fact = Event | Outcome


def records(manifest: Manifest, facts: Facts, profile: Attributes, event: Attributes) -> Iterator[Fact]:
    """Profile updates, events and outcomes, none before one of an earlier time.

    An outcome that waits for its time comes before the events of that very instant: what is known by then may be learned before they are scored.
    """
    sent: dict[str, Properties] = {}
    waiting: list[tuple[Millis, int]] = []
    for i, at in enumerate(facts.times):
        while waiting and waiting[0][0] <= at:
            yield _outcome(manifest, facts, heapq.heappop(waiting)[1])
        if facts.is_event[i]:
            traits = profile.at(i)
            if traits and traits != sent.get(facts.leads[i]):
                sent[facts.leads[i]] = traits
                yield _event(manifest, facts, i, traits)._replace(
                    event_id=f"{_row_id(manifest, facts, i)}:profile", type=PROFILE_UPDATED, channel=PROFILE_CHANNEL
                )
        yield _event(manifest, facts, i, event.at(i))
        known_at = facts.outcomes_at[i]
        if facts.outcomes[i] is not None and known_at is not None:
            if known_at <= at:
                yield _outcome(manifest, facts, i)
            else:
                heapq.heappush(waiting, (known_at, i))
    while waiting:
        yield _outcome(manifest, facts, heapq.heappop(waiting)[1])


def count(facts: Facts, profile: Attributes) -> int:
    """How many records there will be."""
    sent: dict[str, Properties] = {}
    updates = 0
    for i, lead in enumerate(facts.leads):
        if facts.is_event[i] and (traits := profile.at(i)) and traits != sent.get(lead):
            sent[lead] = traits
            updates += 1
    known = sum(end is not None and at is not None for end, at in zip(facts.outcomes, facts.outcomes_at, strict=True))
    return len(facts.times) + updates + known


def _row_id(manifest: Manifest, facts: Facts, i: int) -> str:
    return f"{manifest.name}:{facts.table.rows[i]}"


def _event(manifest: Manifest, facts: Facts, i: int, properties: Properties) -> Event:
    return Event(
        tenant=manifest.name,
        lead=f"{manifest.name}:{facts.leads[i]}",
        event_id=_row_id(manifest, facts, i),
        type=facts.types[i],
        channel=facts.channels[i],
        occurred_at=facts.times[i],
        received_at=facts.times[i],
        properties=properties,
        context={},
        consent={},
    )


def _outcome(manifest: Manifest, facts: Facts, i: int) -> Outcome:
    outcome, known_at = facts.outcomes[i], facts.outcomes_at[i]
    assert outcome is not None
    assert known_at is not None
    return Outcome(
        tenant=manifest.name,
        lead=f"{manifest.name}:{facts.leads[i]}",
        outcome_id=f"{_row_id(manifest, facts, i)}:outcome",
        outcome=outcome,
        occurred_at=known_at,
        received_at=known_at,
    )
