"""Builders that speak the domain: what happened to a lead, on a Monday."""

from datetime import UTC, datetime, timedelta

from schemas.event import OBSERVATION, PROFILE_UPDATED, Event, Person
from schemas.ids import Millis
from schemas.outcome import DISQUALIFIED, LOST, WON, Outcome
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


def _outcome(lead: str, outcome: str, at: Millis, fields: dict[str, object]) -> Outcome:
    given: dict[str, object] = {"tenant": TENANT, "outcome_id": f"{lead}-{outcome}-{at}", "received_at": at}
    return Outcome(lead=lead, outcome=outcome, occurred_at=at, **(given | fields))  # type: ignore[arg-type]
