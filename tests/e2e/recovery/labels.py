"""The labels that an undisturbed run would have published by now, from what was fed alone: by the definition, without engine or cluster."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from models.pairing import PENDING_LIMIT
from schemas.enriched import EnrichedEvent
from schemas.event import Event
from schemas.example import MaturedExample
from schemas.outcome import WON, Outcome
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import enriched
from tests.lane import LaneLabel, labels_of
from tests.property.models.stories import expected_labels

HOUR_MS = 3_600_000
UNDER_WAY_MS = 3 * DAY_MS
"""Of event time, at the end of what was fed: labels of its last seconds may be under way."""


def missing(fed: Sequence[Event | Outcome], published: Iterable[MaturedExample], policy: TenantPolicy) -> list[LaneLabel]:
    """Labels that event time has made known and nobody published, final ones and others.

    Parameters
    ----------
    fed
        Everything that was fed, in order, repeats included; of one tenant, with a window.
    published
        What is on the topic, repeats included.
    policy
        Of the tenant.
    """
    latest = max(record.occurred_at for record in fed)
    said = {label for example in published for label in labels_of(example)}
    return sorted(undisturbed(fed, policy, until=latest - UNDER_WAY_MS) - said)


def undisturbed(fed: Sequence[Event | Outcome], policy: TenantPolicy, *, until: int) -> set[LaneLabel]:
    """Labels that are known by an instant of event time.

    Left out is what the definition does not say: labels of leads with more points than wait at once, which are a sample, and a conversion
    within the hour before its interval's end, as its outcome may be heard of just after the interval was learned as silence.
    """
    by_lead: defaultdict[str, list[EnrichedEvent | Outcome]] = defaultdict(list)
    events = enriched(*(record for record in fed if isinstance(record, Event)))
    for record in (*events, *(record for record in fed if isinstance(record, Outcome))):
        by_lead[record.lead].append(record)
    known: set[LaneLabel] = set()
    for records in by_lead.values():
        mine = [record for record in records if isinstance(record, EnrichedEvent)]
        if len(mine) > PENDING_LIMIT:
            continue
        as_of = dict(zip([event.sequence for event in mine], accumulate([event.occurred_at for event in mine], max), strict=True))
        wins = [record.occurred_at for record in records if isinstance(record, Outcome) and record.outcome == WON]
        for label in expected_labels(records, policy):
            ends = as_of[label.sequence] + policy.interval_ends_ms[label.interval]
            is_close = label.is_converted and any(ends - HOUR_MS < at <= ends for at in wins)
            if ends <= until and not is_close:
                known.add(label)
    return known
