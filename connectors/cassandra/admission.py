"""What no table can hold: found before the batch is written, so that one bad value does not stop the others for ever."""

from math import isfinite

from connectors.cassandra.ranking import GRADES
from schemas.enriched import EnrichedEvent
from schemas.errors import PoisonRecordError
from schemas.metric import Metric
from schemas.model_snapshot import ModelSnapshot
from schemas.outcome import Outcome
from schemas.push import PushReport
from schemas.score import LeadScore

Storable = EnrichedEvent | LeadScore | Outcome | Metric | ModelSnapshot | PushReport

MAX_ID_BYTES = 4_096
"""Cassandra's limit is 65,535 for all parts of a key together; no honest id comes near."""

END_OF_TIME = 1 << 42
"""Milliseconds: the year 2109. Later instants do not fit a write timestamp."""


def check(value: Storable) -> None:
    """Nothing, if the tables can hold the value.

    Raises
    ------
    PoisonRecordError
        Naming every field that is wrong, without its contents.
    """
    problems = [name for name, id_ in _ids(value) if not id_ or (len(id_) > MAX_ID_BYTES // 4 and len(id_.encode()) > MAX_ID_BYTES)]
    problems += [name for name, at in _times(value) if not 0 <= at < END_OF_TIME]
    if isinstance(value, LeadScore):
        if not (isfinite(value.propensity) and 0.0 <= value.propensity <= 1.0):
            problems.append("propensity")
        if value.grade not in GRADES:
            problems.append("grade")
    if problems:
        raise PoisonRecordError(f"a {type(value).__name__} that no table can hold: {', '.join(problems)} empty or out of range", reason="invalid")


def _ids(value: Storable) -> tuple[tuple[str, str], ...]:
    match value:
        case EnrichedEvent() | LeadScore():
            return ("tenant", value.tenant), ("lead", value.lead), ("event_id", value.event_id)
        case Outcome():
            return ("tenant", value.tenant), ("lead", value.lead), ("outcome_id", value.outcome_id)
        case PushReport():
            return ("tenant", value.tenant), ("lead", value.lead), ("crm", value.crm), ("event_id", value.event_id)
        case Metric():
            return ("tenant", value.tenant), ("name", value.name), ("model", value.model)
        case ModelSnapshot():
            return (("tenant", value.tenant),)


def _times(value: Storable) -> tuple[tuple[str, int], ...]:
    match value:
        case EnrichedEvent() | Outcome():
            return ("occurred_at", value.occurred_at), ("received_at", value.received_at)
        case LeadScore():
            return ("as_of", value.as_of), ("scored_at", value.scored_at), ("received_at", value.received_at)
        case Metric():
            return (("as_of", value.as_of),)
        case PushReport():
            return ("as_of", value.as_of), ("due_since", value.due_since), ("reported_at", value.reported_at)
        case ModelSnapshot():
            return ("as_of", value.as_of), ("published_at", value.published_at)
