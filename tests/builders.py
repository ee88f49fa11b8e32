"""Builders that speak the domain: what happened to a lead, on a Monday."""

from datetime import UTC, datetime, timedelta

import numpy as np

from models.enrichment import Acquaintance, enrich
from models.features.vector import PATTERN_MODEL, categorical_id, numeric_id
from models.learning.encoding import EDGES, SALT_NUMBER, SALT_VALUE, VARIES
from models.learning.hazard_model import EXPERTS, HazardModel, assembled, dense_attributes
from models.learning.regression import parts_of
from models.learning.table import mixed
from schemas.enriched import EnrichedEvent
from schemas.event import OBSERVATION, PROFILE_UPDATED, Event, Person
from schemas.ids import Millis, lead_key
from schemas.outcome import DISQUALIFIED, LOST, REOPENED, WON, Outcome
from schemas.policy import DAY_MS
from schemas.topics import Topic

TENANT = "acme"
IDS = {topic: number for number, topic in enumerate(Topic, start=1)}
"""Schema ids of a registry that does not exist."""


def instant(text: str) -> Millis:
    """`2026-03-02` or `2026-03-02T09:30`, in UTC."""
    return Millis(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000))


MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (instant(f"2026-03-0{day}T09:00") for day in range(2, 7))


def later(at: Millis, **duration: float) -> Millis:
    """`later(MONDAY, hours=2)`."""
    return Millis(at + round(timedelta(**duration).total_seconds() * 1000))


def an_event(lead: str = "ada", *, at: Millis = MONDAY, type: str = "page_viewed", channel: str = "web", **fields: object) -> Event:  # noqa: A002 - the field's name
    """An event; its id follows from what it says, unless it is given."""
    given: dict[str, object] = {
        "tenant": TENANT,
        "lead": lead,
        "event_id": f"{lead}-{type}-{at}",
        "received_at": at,
        "properties": {},
        "context": {},
        "consent": {},
    }
    return Event(type=type, channel=channel, occurred_at=at, **(given | fields))  # type: ignore[arg-type]


def viewed_page(lead: str = "ada", *, at: Millis = MONDAY, seconds: float = 30.0, **fields: object) -> Event:
    """A page of the web site was read."""
    return an_event(lead, at=at, type="page_viewed", channel="web", **({"properties": {"seconds_on_page": seconds}} | fields))


def opened_email(lead: str = "ada", *, at: Millis = MONDAY, **fields: object) -> Event:
    """An e-mail was opened."""
    return an_event(lead, at=at, type="email_opened", channel="email", **fields)


def answered_call(lead: str = "ada", *, at: Millis = MONDAY, **fields: object) -> Event:
    """A call was answered."""
    return an_event(lead, at=at, type="call_answered", channel="phone", **fields)


def observed(lead: str = "ada", *, at: Millis = MONDAY, type: str = "task_opened", **fields: object) -> Event:  # noqa: A002 - the field's name
    """Something that is kept and shown, and is no engagement."""
    return an_event(lead, at=at, type=type, channel=OBSERVATION, **fields)


def updated_profile(lead: str = "ada", *, at: Millis = MONDAY, email: str | None = None, **traits: str | float) -> Event:
    """Traits of the lead became known."""
    person = Person(email=email) if email else None
    return an_event(lead, at=at, type=PROFILE_UPDATED, channel="profile", properties=traits, person=person)


def won(lead: str = "ada", *, at: Millis = FRIDAY, **fields: object) -> Outcome:
    """The lead became a customer."""
    return _outcome(lead, WON, at, fields)


def lost(lead: str = "ada", *, at: Millis = FRIDAY, **fields: object) -> Outcome:
    """The lead chose somebody else."""
    return _outcome(lead, LOST, at, fields)


def disqualified(lead: str = "ada", *, at: Millis = FRIDAY, **fields: object) -> Outcome:
    """The lead was none."""
    return _outcome(lead, DISQUALIFIED, at, fields)


def reopened(lead: str = "ada", *, at: Millis = FRIDAY, **fields: object) -> Outcome:
    """What was said before was a mistake."""
    return _outcome(lead, REOPENED, at, fields)


def _outcome(lead: str, outcome: str, at: Millis, fields: dict[str, object]) -> Outcome:
    given: dict[str, object] = {"tenant": TENANT, "outcome_id": f"{lead}-{outcome}-{at}", "received_at": at}
    return Outcome(lead=lead, outcome=outcome, occurred_at=at, **(given | fields))  # type: ignore[arg-type]


def enriched(*events: Event, retention_ms: int = 400 * DAY_MS) -> list[EnrichedEvent]:
    """Events as `enrich_events` publishes them: given in order of arrival, with their sequences, profiles and no repeats."""
    known: dict[str, Acquaintance] = {}
    joined = [enrich(event, known.setdefault(lead_key(event.tenant, event.lead), Acquaintance()), retention_ms=retention_ms) for event in events]
    return [one.event for one in joined if one.event is not None]


def arrived(*records: Event | Outcome) -> list[EnrichedEvent | Outcome]:
    """Events and outcomes as `score_leads` is given them, in order of arrival."""
    events = iter(enriched(*(record for record in records if isinstance(record, Event))))
    return [next(events) if isinstance(record, Event) else record for record in records]


def a_model(*, intervals: int = 5, shift: float = 0.0, with_base: bool = False) -> HazardModel:
    """A model with an opinion on every dense feature, on the types and attributes that tests use, and maybe on the nightly base."""
    categories = [
        categorical_id(*name.split("="))
        for name in ("event=page_viewed", "event=email_opened", "event=demo_requested", "channel=web", "channel=email", "plan=pro")
    ]
    numbers = [int(one) << 32 for one in dense_attributes()] + [numeric_id("seconds_on_page")] + ([PATTERN_MODEL] if with_base else [])
    attributes = [one >> 32 for one in numbers] + sorted({one >> 32 for one in categories})
    keys = [0, *(mixed(one ^ SALT_NUMBER) for one in numbers), *(mixed(one ^ SALT_VALUE) for one in categories)]
    groups = [-1, *(attributes.index(one >> 32) for one in numbers + categories)]
    weight = np.linspace(-0.7, 0.9, len(keys))[:, None, None] * np.linspace(0.5, 1.0, EXPERTS)[:, None] * np.ones(parts_of(intervals))
    weight[0] = np.linspace(-3.0, -2.0, parts_of(intervals)) + shift
    baseline = np.zeros((len(attributes) + 1, *weight.shape[1:]))
    baseline[-1] = weight[0]
    return assembled(
        intervals=intervals,
        evidence=100,
        start=0.0,
        context=-1,
        with_clock=True,
        base_share=0.25,
        base_mean=-1.0,
        slope=1.1,
        pivot=-1.5,
        attributes=np.array(attributes),
        flags=np.full(len(attributes), VARIES),
        mean=np.linspace(0.0, 1.0, len(attributes)),
        scale=np.linspace(0.5, 1.5, len(attributes)),
        edge_count=np.zeros(len(attributes)),
        edges=np.zeros((len(attributes), EDGES)),
        keys=np.array(keys, np.uint64),
        groups=np.array(groups),
        is_cross=np.zeros(len(keys)),
        weight=weight,
        baseline=baseline,
        trust=np.full(EXPERTS, 1.0 / EXPERTS),
    )
