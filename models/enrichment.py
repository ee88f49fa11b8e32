"""Event + what is known of its lead → EnrichedEvent; an event sent twice is dropped."""

from hashlib import blake2b
from typing import NamedTuple, Protocol

import msgpack

from models.due import bucket_of
from schemas.enriched import EnrichedEvent
from schemas.errors import FatalError, PoisonRecordError
from schemas.event import PROFILE_UPDATED, Event
from schemas.ids import KEY_SEPARATOR, Millis, lead_key
from schemas.outcome import OUTCOMES, Outcome
from schemas.policy import DAY_MS

VERSION = 1
EARLIEST_MS = 946_684_800_000
"""2000-01-01: an earlier `occurred_at` or `received_at` is a clock that was never set."""
FUTURE_MS = DAY_MS
"""An instant more than a day ahead of the wall clock is a wrong clock; less is a time zone mistaken, or a fast one."""
DUPLICATE_WINDOW_MS = DAY_MS
"""SDKs retry for up to 12 hours (facts of the clients); a day covers a night of outage too."""
ID_LENGTH = 512
"""Characters of an id: longer ones are payloads gone astray."""


class Acquaintance:
    """What enrichment remembers of a lead: its profile, its account, how many events it had, and those of the last day by a 64-bit hash."""

    __slots__ = ("account_id", "last_at", "numbers", "queued_for", "recent", "sequence", "texts")

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.numbers: dict[str, float] = {}
        self.account_id: str | None = None
        self.recent: dict[int, int] = {}
        self.sequence = 0
        self.last_at = 0
        self.queued_for = 0

    def to_bytes(self) -> bytes:
        """A version byte, then msgpack."""
        fields = [self.texts, self.numbers, self.account_id, self.recent, self.sequence, self.last_at, self.queued_for]
        return bytes((VERSION,)) + bytes(msgpack.packb(fields))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Acquaintance":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        if data[0] != VERSION:
            raise FatalError(f"enrichment memory of version {data[0]}, this release reads {VERSION}")
        known = cls()
        fields = msgpack.unpackb(data[1:], strict_map_key=False)
        known.texts, known.numbers, known.account_id, known.recent, known.sequence, known.last_at, known.queued_for = fields
        return known


class Acquaintances(Protocol):
    """What enrichment remembers, by `tenant|lead`."""

    def load(self, key: str) -> Acquaintance:
        """What is known of the lead; an empty one for a stranger."""

    def save(self, key: str, known: Acquaintance) -> None:
        """Keep it."""

    def forget(self, key: str) -> None:
        """Drop it."""


class Enriched(NamedTuple):
    """The event as the engine reads it; None if it came before. And the bucket to queue its lead under; None: it is queued already."""

    event: EnrichedEvent | None
    due: int | None


def check_event(event: Event, key: bytes, *, now: Millis) -> None:
    """Refuse an event that no lead could be scored on.

    Raises
    ------
    PoisonRecordError
        Naming every problem at once, by field and never by value.
    """
    problems = _id_problems({"tenant": event.tenant, "lead": event.lead, "event_id": event.event_id, "type": event.type, "channel": event.channel})
    problems += _time_problems({"occurred_at": event.occurred_at, "received_at": event.received_at}, now)
    _refuse(problems + _key_problems(event.tenant, event.lead, key))


def check_outcome(outcome: Outcome, key: bytes, *, now: Millis) -> None:
    """Refuse an outcome that says nothing about a lead.

    Raises
    ------
    PoisonRecordError
        Naming every problem at once, by field and never by value.
    """
    problems = _id_problems({"tenant": outcome.tenant, "lead": outcome.lead, "outcome_id": outcome.outcome_id})
    if outcome.outcome not in OUTCOMES:
        problems.append(f"outcome is none of {', '.join(OUTCOMES)}")
    problems += _time_problems({"occurred_at": outcome.occurred_at, "received_at": outcome.received_at}, now)
    _refuse(problems + _key_problems(outcome.tenant, outcome.lead, key))


def _id_problems(ids: dict[str, str]) -> list[str]:
    problems = [f"{name} is empty" for name, value in ids.items() if not value.strip()]
    problems += [f"{name} is longer than {ID_LENGTH} characters" for name, value in ids.items() if len(value) > ID_LENGTH]
    if KEY_SEPARATOR in ids["tenant"]:
        problems.append(f"tenant holds {KEY_SEPARATOR!r}")
    if any("\n" in value or "\x00" in value for value in ids.values()):
        problems.append("an id holds a line break or a zero byte")
    return problems


def _time_problems(times: dict[str, Millis], now: Millis) -> list[str]:
    problems = [f"{name} is before the year 2000" for name, at in times.items() if at < EARLIEST_MS]
    return problems + [f"{name} is more than a day in the future" for name, at in times.items() if at > now + FUTURE_MS]


def _key_problems(tenant: str, lead: str, key: bytes) -> list[str]:
    # the key chose the lane: under another key the lead's memory would be in two places
    return [] if key == lead_key(tenant, lead).encode() else ["the record's key is not tenant|lead"]


def _refuse(problems: list[str]) -> None:
    if problems:
        raise PoisonRecordError("; ".join(problems))


def enrich(event: Event, known: Acquaintance, *, retention_ms: int) -> Enriched:
    """Join an event with what is known of its lead, and remember what it tells.

    The same event (by tenant, lead and event id) within a day of its first arrival gives nothing. Its arrival is `received_at`,
    as an SDK's retry carries the same `occurred_at` however late it is.

    Parameters
    ----------
    event
        One that `check_event` let pass.
    known
        Changed in place.
    retention_ms
        A lead without events for so long may be forgotten.
    """
    fingerprint = int.from_bytes(blake2b(event.event_id.encode(), digest_size=8).digest(), "little")
    if fingerprint in known.recent:
        return Enriched(None, None)
    known.recent[fingerprint] = event.received_at
    known.sequence += 1
    _forget_old(known.recent, event.received_at)
    texts, numbers = _parted(event.properties)
    if event.type == PROFILE_UPDATED:
        known.texts.update(texts)
        known.numbers.update(numbers)
    known.account_id = event.account_id or known.account_id
    known.last_at = max(known.last_at, event.occurred_at)
    due = None
    if not known.queued_for:
        due = known.queued_for = bucket_of(known.last_at + retention_ms)
    enriched = EnrichedEvent(
        tenant=event.tenant,
        lead=event.lead,
        event_id=event.event_id,
        sequence=known.sequence,
        type=event.type,
        channel=event.channel,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        texts=texts,
        numbers=numbers,
        profile_texts=dict(known.texts),
        profile_numbers=dict(known.numbers),
        context=event.context,
        consent=event.consent,
        account_id=known.account_id,
        # what the sender wrote stays with the event as received: nothing downstream reads it
        person=event.person and event.person._replace(original=None),
    )
    return Enriched(enriched, due)


def review(known: Acquaintance, *, now: int, retention_ms: int) -> int | None:
    """When to look at a lead again, as a bucket of the due queue; None: it was silent for so long that it is to be forgotten."""
    if now - known.last_at >= retention_ms:
        return None
    known.queued_for = bucket_of(known.last_at + retention_ms)
    return known.queued_for


def _parted(properties: dict[str, str | float]) -> tuple[dict[str, str], dict[str, float]]:
    texts: dict[str, str] = {}
    numbers: dict[str, float] = {}
    for name, value in properties.items():
        if isinstance(value, str):
            texts[name] = value
        else:
            numbers[name] = value
    return texts, numbers


def _forget_old(recent: dict[int, int], received_at: int) -> None:
    # in order of arrival, so the old ones are in front
    horizon = received_at - DUPLICATE_WINDOW_MS
    while recent:
        fingerprint, arrived = next(iter(recent.items()))
        if arrived >= horizon:
            return
        del recent[fingerprint]
