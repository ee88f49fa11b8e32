"""What no table can hold: found before the batch is written, so that one bad value does not stop the others for ever."""

from collections.abc import Mapping
from math import isfinite

from connectors.cassandra.ranking import GRADES
from schemas.crm_link import LINK_STATES, CrmLink
from schemas.enriched import EnrichedEvent
from schemas.errors import PoisonRecordError
from schemas.metric import Metric
from schemas.model_snapshot import ModelSnapshot
from schemas.outcome import Outcome
from schemas.override import REVOKED, Override
from schemas.push import PushReport
from schemas.score import LeadScore

Storable = EnrichedEvent | LeadScore | Outcome | Metric | ModelSnapshot | PushReport | CrmLink | Override

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
    problems = [name for name, id_ in _ids(value) if _is_no_id(id_)]
    problems += [name for name, at in _times(value) if not 0 <= at < END_OF_TIME]
    if isinstance(value, LeadScore):
        if not (isfinite(value.propensity) and 0.0 <= value.propensity <= 1.0):
            problems.append("propensity")
        if value.grade not in GRADES:
            problems.append("grade")
        if value.account_id is not None and _is_no_id(value.account_id):
            problems.append("account_id")
    if isinstance(value, Override) and value.grade not in (*GRADES, REVOKED):
        problems.append("grade")
    if isinstance(value, CrmLink) and value.state not in LINK_STATES:
        problems.append("state")
    if problems:
        raise PoisonRecordError(f"a {type(value).__name__} that no table can hold: {', '.join(problems)} empty or out of range", reason="invalid")


IDS: Mapping[type[Storable], tuple[str, ...]] = {
    EnrichedEvent: ("tenant", "lead", "event_id"),
    LeadScore: ("tenant", "lead", "event_id"),
    Outcome: ("tenant", "lead", "outcome_id"),
    PushReport: ("tenant", "lead", "crm", "event_id"),
    CrmLink: ("tenant", "lead", "crm", "record"),
    Override: ("tenant", "lead", "override_id"),
    Metric: ("tenant", "name", "model"),
    ModelSnapshot: ("tenant",),
}
TIMES: Mapping[type[Storable], tuple[str, ...]] = {
    EnrichedEvent: ("occurred_at", "received_at"),
    LeadScore: ("as_of", "scored_at", "received_at"),
    Outcome: ("occurred_at", "received_at"),
    PushReport: ("as_of", "due_since", "reported_at"),
    CrmLink: ("changed_at",),
    Override: ("decided_at", "expires_at"),
    Metric: ("as_of",),
    ModelSnapshot: ("as_of", "published_at"),
}


def _is_no_id(text: str) -> bool:
    return not text or (len(text) > MAX_ID_BYTES // 4 and len(text.encode()) > MAX_ID_BYTES)


def _ids(value: Storable) -> list[tuple[str, str]]:
    return [(name, getattr(value, name)) for name in IDS[type(value)]]


def _times(value: Storable) -> list[tuple[str, int]]:
    return [(name, getattr(value, name)) for name in TIMES[type(value)]]
