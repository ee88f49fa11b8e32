"""Event + what is known of its lead → EnrichedEvent; an event sent twice is dropped."""

from collections.abc import Callable
from hashlib import blake2b
from math import isfinite
from typing import NamedTuple, Protocol

import msgpack

from models.account import is_account
from models.due import bucket_of
from models.handover import handover_in, own_event_id
from schemas.enriched import EnrichedEvent
from schemas.errors import FatalError, PoisonRecordError
from schemas.event import LEAD_MOVED, MEMORY_MOVED, OBSERVATION, OWN_TYPES, PROFILE_MOVED, PROFILE_UPDATED, Event
from schemas.ids import KEY_SEPARATOR, Millis, lead_key
from schemas.outcome import OUTCOMES, Outcome
from schemas.policy import DAY_MS

VERSION = 2
EARLIEST_MS = 946_684_800_000
"""2000-01-01: an earlier `occurred_at` or `received_at` is a clock that was never set."""
FUTURE_MS = DAY_MS
"""An instant more than a day ahead of the wall clock is a wrong clock; less is a time zone mistaken, or a fast one."""
DUPLICATE_WINDOW_MS = DAY_MS
"""SDKs retry for up to 12 hours (facts of the clients); a day covers a night of outage too."""
LATEST_IDS = 32
"""A lead's latest ids are known however old they are. Where history is fed, a request to Kafka spans days, and a broker that was killed takes it
twice: it forgets its producers, as their records' times are long ago."""
ID_LENGTH = 512
"""Characters of an id: longer ones are payloads gone astray."""

MOST_MOVES = 1 << 40
"""An honest id moves a few times in its life."""


class Acquaintance:
    """What enrichment remembers under one id of a lead.

    Its profile with the instant of each trait, its account, how many events it had, the latest and those of the last day by a 64-bit hash; what
    it was seen with (`models.identity.claims`); and where its events go: `to` is the lead that the id stands for, empty for its own, `is_nobody`
    whether many use it, `moves` the number of the last move.
    """

    __slots__ = ("account_id", "is_nobody", "last_at", "met", "moves", "numbers", "queued_for", "recent", "sequence", "texts", "to", "told_at")

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.numbers: dict[str, float] = {}
        self.account_id: str | None = None
        self.recent: dict[int, int] = {}
        self.sequence = 0
        self.last_at = 0
        self.queued_for = 0
        self.told_at: dict[str, int] = {}
        self.met: dict[int, tuple[int, int]] = {}
        self.to = ""
        self.is_nobody = False
        self.moves = 0

    def to_bytes(self) -> bytes:
        """A version byte, then msgpack."""
        fields = [self.texts, self.numbers, self.account_id, self.recent, self.sequence, self.last_at, self.queued_for]
        identity = [self.told_at, self.met, self.to, self.is_nobody, self.moves]
        return bytes((VERSION,)) + bytes(msgpack.packb(fields + identity))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Acquaintance":
        """What `to_bytes` wrote, of this version or the one before, which knew nothing of identity and no instants of traits.

        Raises
        ------
        FatalError
            Written by a newer release.
        """
        if data[0] not in (1, VERSION):
            raise FatalError(f"enrichment memory of version {data[0]}, this release reads up to {VERSION}")
        known = cls()
        fields = msgpack.unpackb(data[1:], strict_map_key=False)
        known.texts, known.numbers, known.account_id, known.recent, known.sequence, known.last_at, known.queued_for = fields[:7]
        if data[0] == VERSION:
            known.told_at, met, known.to, known.is_nobody, known.moves = fields[7:]
            known.met = {mark: (first, second) for mark, (first, second) in met.items()}
        return known

    def tell(self, traits: dict[str, str | float], at_of: Callable[[str], int]) -> None:
        """Take traits, each as of its instant in ms: of several values the one that was true last stays; of one instant, the one told last."""
        for name, value in traits.items():
            at = at_of(name)
            if at < self.told_at.get(name, 0):
                continue
            self.told_at[name] = at
            self.texts.pop(name, None)
            self.numbers.pop(name, None)
            if isinstance(value, str):
                self.texts[name] = value
            else:
                self.numbers[name] = value


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
    if event.channel == OBSERVATION and event.type in OWN_TYPES:
        problems += _own_problems(event)
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


def _own_problems(event: Event) -> list[str]:
    """What is wrong with an event of the jobs' own types: anybody may write to the topic."""
    texts, numbers = _parted(event.properties)
    if event.type == PROFILE_MOVED:
        return [f"context says no instant of {name}" for name in event.properties if not event.context.get(name, "").isdecimal()]
    problems = [f"{name} is no finite number" for name, value in numbers.items() if not isfinite(value)]
    if event.type == LEAD_MOVED:
        problems += [f"{name} is no id" for name in ("to", "before") if not 0 < len(texts.get(name, "")) <= ID_LENGTH]
        problems += [f"{name} is missing" for name in ("memory_from",) if name not in texts]
        problems += [f"{name} is missing" for name in ("number", "is_nobody") if name not in numbers]
        if not problems and not 0 < numbers["number"] < MOST_MOVES:
            problems.append("number counts nothing")
    elif event.type == MEMORY_MOVED and not problems:
        handover_in(texts, numbers)
    return problems


def _refuse(problems: list[str]) -> None:
    if problems:
        raise PoisonRecordError("; ".join(problems))


def is_repeat(event: Event, known: Acquaintance) -> bool:
    """Whether the same event (by tenant, lead and event id) came within the last day or is one of the lead's latest; from now on it did.

    Its arrival is `received_at`, as an SDK's retry carries the same `occurred_at` however late it is.
    """
    fingerprint = int.from_bytes(blake2b(event.event_id.encode(), digest_size=8).digest(), "little")
    if fingerprint in known.recent:
        return True
    known.recent[fingerprint] = event.received_at
    _forget_old(known.recent, event.received_at)
    known.last_at = max(known.last_at, event.occurred_at)
    return False


def enrich(event: Event, known: Acquaintance, *, retention_ms: int) -> Enriched:
    """Join an event with what is known of its lead, and remember what it tells.

    The same event again gives nothing (`is_repeat`).

    Parameters
    ----------
    event
        One that `check_event` let pass.
    known
        Changed in place.
    retention_ms
        A lead without events for so long may be forgotten.
    """
    if is_repeat(event, known) or _is_outdated(event, known):
        return Enriched(None, None)
    known.sequence += 1
    texts, numbers = _parted(event.properties)
    if event.type == PROFILE_UPDATED:
        known.tell(event.properties, lambda _: event.occurred_at)
    elif event.channel == OBSERVATION and event.type in OWN_TYPES:
        event = _own(event, known)
    if event.account_id and event.account_id != known.account_id and is_account(event.account_id):
        known.account_id = event.account_id
    enriched = EnrichedEvent(
        tenant=event.tenant,
        lead=event.lead,
        event_id=event.event_id,
        sequence=known.sequence,
        type=event.type,
        channel=OBSERVATION if known.is_nobody else event.channel,
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
        source=event.source,
    )
    return Enriched(enriched, due_of(known, retention_ms=retention_ms))


def profile_event(moved: EnrichedEvent, known: Acquaintance) -> Event | None:
    """What an id that leaves gives the lead that it stands for now: its traits and when each became known, and its account."""
    traits: dict[str, str | float] = {**known.texts, **known.numbers}
    if not traits and known.account_id is None:
        return None
    return Event(
        tenant=moved.tenant,
        lead=moved.texts["to"],
        event_id=own_event_id(PROFILE_MOVED, moved.lead, known.moves),
        type=PROFILE_MOVED,
        channel=OBSERVATION,
        occurred_at=Millis(max(known.told_at.values(), default=moved.occurred_at)),
        received_at=moved.received_at,
        properties=traits,
        context={name: str(known.told_at.get(name, 0)) for name in traits},
        consent={},
        account_id=known.account_id,
    )


def due_of(known: Acquaintance, *, retention_ms: int) -> int | None:
    """The bucket to queue a lead under that is in none yet."""
    if known.queued_for:
        return None
    known.queued_for = bucket_of(known.last_at + retention_ms)
    return known.queued_for


def is_move(event: Event) -> bool:
    """Whether an event says that its lead's id stands for another lead from here on."""
    return event.type == LEAD_MOVED and event.channel == OBSERVATION


def _is_outdated(event: Event, known: Acquaintance) -> bool:
    """Whether a move is told again that was told before a later one."""
    return is_move(event) and float(event.properties["number"]) <= known.moves


def _own(event: Event, known: Acquaintance) -> Event:
    """What the jobs tell each other: where the id's events go from here on, or what another id knew."""
    if event.type == LEAD_MOVED:
        to, number, is_nobody = event.properties["to"], event.properties["number"], event.properties["is_nobody"]
        known.to, known.moves, known.is_nobody = ("" if to == event.lead else str(to)), int(float(number)), bool(is_nobody)
        # no score of the lead is of later: so whoever ranks it knows that the move comes behind them all
        return event._replace(occurred_at=Millis(max(known.last_at, event.occurred_at)))
    if event.type == PROFILE_MOVED:
        known.tell(event.properties, lambda name: int(event.context.get(name, 0)))
        # the profile as a whole is as of its latest trait, whichever id it came by
        latest = Millis(max(known.told_at.values(), default=event.occurred_at))
        return event._replace(account_id=known.account_id or event.account_id, occurred_at=latest)
    return event


def review(known: Acquaintance, *, now: int, retention_ms: int) -> int | None:
    """When to look at a lead again, as a bucket of the due queue; None: it was silent for so long that it is to be forgotten.

    Of an id that stands for another lead only that is kept, and for good: whoever comes back by it after years is still that lead.
    """
    is_silent = now - known.last_at >= retention_ms
    if is_silent and not (known.to or known.is_nobody):
        return None
    if is_silent:
        known.texts, known.numbers, known.told_at, known.recent = {}, {}, {}, {}
    known.queued_for = bucket_of((now if is_silent else known.last_at) + retention_ms)
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
    while len(recent) > LATEST_IDS:
        fingerprint, arrived = next(iter(recent.items()))
        if arrived >= horizon:
            return
        del recent[fingerprint]
