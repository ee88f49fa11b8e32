"""A push that is due or under way, and what the CRM shows of a lead: as bytes of our own, for Flink's state."""

from typing import Any, NamedTuple, Protocol

import msgpack

from connectors.crm.delivery.rules import Shown
from schemas.errors import FatalError
from schemas.score import LeadScore

VERSION = 1
_HEADER = bytes((VERSION,))
KEPT_OF_SCORE = LeadScore._fields.index("account_id")
"""Fields of a score in a pending push: no push says which company the lead works for, and version 1 stays what it is."""


class Pending(NamedTuple):
    """A push that has not ended.

    Parameters
    ----------
    score
        The lead's latest, whole but for its company: a refusal becomes a dead letter with it.
    cause
        Why it is pushed (`rules.cause_of`).
    since
        When the cause arose, in ms.
    due_at
        Not to be sent before, in ms.
    attempts
        Requests that carried this lead's push and brought no end.
    is_doubtful
        A request ended without an answer, so the CRM may show another score than we know of: this push is not withdrawn.
    record
        The CRM's id of the record, once a request has told it; empty until then.
    """

    score: LeadScore
    cause: str
    since: int
    due_at: int
    attempts: int = 0
    is_doubtful: bool = False
    record: str = ""


class PushStore(Protocol):
    """What one account's engine remembers, by lead. Backed by Flink's state in the job, by dicts elsewhere."""

    def shown(self, lead: str) -> Shown | None:
        """What the CRM shows of the lead; None: nothing is known."""

    def show(self, lead: str, shown: Shown) -> None:
        """Keep it."""

    def forget(self, lead: str) -> None:
        """The CRM has no record of the lead any more."""

    def keep(self, lead: str, pending: Pending) -> None:
        """Keep a push that has not ended."""

    def drop(self, lead: str) -> None:
        """The push has ended."""

    def moved_to(self, lead: str) -> str | None:
        """The lead that an id stands for; None: its own."""

    def keep_moved(self, lead: str, to: str) -> None:
        """The id stands for another lead now."""

    def drop_moved(self, lead: str) -> None:
        """The id stands for its own lead again."""

    def pending(self) -> dict[str, Pending]:
        """Every push that has not ended: asked once, at the start."""

    def account(self) -> bytes | None:
        """What the engine keeps of the account itself; None at its very first start."""

    def keep_account(self, data: bytes) -> None:
        """Keep it."""


class DictPushStore:
    """A store in memory, for reconcilers, benchmarks and tests."""

    def __init__(self) -> None:
        self.shown_by_lead: dict[str, bytes] = {}
        self.pending_by_lead: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.account_bytes: bytes | None = None

    def shown(self, lead: str) -> Shown | None:
        """What the CRM shows of the lead."""
        data = self.shown_by_lead.get(lead)
        return None if data is None else shown_from_bytes(data)

    def show(self, lead: str, shown: Shown) -> None:
        """Keep it."""
        self.shown_by_lead[lead] = shown_to_bytes(shown)

    def forget(self, lead: str) -> None:
        """Drop it."""
        self.shown_by_lead.pop(lead, None)

    def keep(self, lead: str, pending: Pending) -> None:
        """Keep a push."""
        self.pending_by_lead[lead] = pending_to_bytes(pending)

    def drop(self, lead: str) -> None:
        """Drop a push."""
        self.pending_by_lead.pop(lead, None)

    def moved_to(self, lead: str) -> str | None:
        """The lead that an id stands for."""
        return self.moved.get(lead)

    def keep_moved(self, lead: str, to: str) -> None:
        """The id stands for another lead now."""
        self.moved[lead] = to

    def drop_moved(self, lead: str) -> None:
        """The id stands for its own lead again."""
        self.moved.pop(lead, None)

    def pending(self) -> dict[str, Pending]:
        """Every push."""
        return {lead: pending_from_bytes(data) for lead, data in self.pending_by_lead.items()}

    def account(self) -> bytes | None:
        """What is kept of the account."""
        return self.account_bytes

    def keep_account(self, data: bytes) -> None:
        """Keep it."""
        self.account_bytes = data


def shown_to_bytes(shown: Shown) -> bytes:
    """A version byte, then msgpack."""
    return _HEADER + bytes(msgpack.packb(shown))


def shown_from_bytes(data: bytes) -> Shown:
    """What `shown_to_bytes` wrote. Raises FatalError for another version."""
    return Shown(*_unpacked(data))


def pending_to_bytes(pending: Pending) -> bytes:
    """A version byte, then msgpack."""
    return _HEADER + bytes(msgpack.packb((pending.score[:KEPT_OF_SCORE], *pending[1:])))


def pending_from_bytes(data: bytes) -> Pending:
    """What `pending_to_bytes` wrote. Raises FatalError for another version."""
    score, *rest = _unpacked(data)
    return Pending(LeadScore(*score), *rest)


def _unpacked(data: bytes) -> list[Any]:
    if data[0] != VERSION:
        raise FatalError(f"push state of version {data[0]}, this release reads {VERSION}")
    fields: list[Any] = msgpack.unpackb(data[1:])
    return fields
