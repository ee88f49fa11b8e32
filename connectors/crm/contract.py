"""The vendor contract: what a CRM connector gives, and what it is given. `docs/crm.md` adds a CRM step by step."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from schemas.score import LeadScore


class Stage(StrEnum):
    """What one request is for. Every request is of one stage and costs one call of the vendor's quota.

    LOOK   Which record carries our lead's id, and what does it show? Asked once for each lead, and again after a restart.
    MATCH  Which record has the lead's e-mail address? Only for leads that LOOK did not find.
    LINK   Write our id and the score to a record that MATCH found, by the record's own id.
    WRITE  Write the score by our id; creates a record if the tenant allows it and there is none.
    """

    LOOK = "look"
    MATCH = "match"
    LINK = "link"
    WRITE = "write"


class Limits(NamedTuple):
    """What a vendor allows an account.

    Parameters
    ----------
    batch
        Leads in one request.
    concurrency
        Requests under way at once, at most.
    burst, burst_ms
        Requests in any `burst_ms` milliseconds.
    daily
        Requests in any 24 hours; None: no such limit.
    burst_reserve, daily_reserve
        Shares of the two, in [0, 1), left to the customer's other integrations and to erasures.
    timeout_ms
        How long a request may take; a restarted job waits so long for its predecessor's last ones.
    """

    batch: int
    concurrency: int = 8
    burst: int = 100
    burst_ms: int = 10_000
    daily: int | None = None
    burst_reserve: float = 0.05
    daily_reserve: float = 0.1
    timeout_ms: int = 10_000


class Item(NamedTuple):
    """A lead in a request.

    Parameters
    ----------
    lead
        Our id of it.
    score
        What is to be shown.
    record
        The CRM's own id of its record; empty while it is not known. `Contact/003…` where a CRM has several kinds that take scores.
    trace
        Unique for each attempt; a vendor that can echoes it.
    """

    lead: str
    score: LeadScore
    record: str
    trace: str


class Request(NamedTuple):
    """Leads that travel together, each once, their records all of one kind. `began_at` is in ms; `number` is unique within an engine's life."""

    number: int
    stage: Stage
    items: tuple[Item, ...]
    began_at: int


class Verdict(StrEnum):
    """What an answer says of one lead.

    DONE      LOOK and MATCH: found. LINK and WRITE: the record shows the score now.
    MISSING   LOOK and MATCH: no such record. WRITE and LINK: the record is gone, or was never there.
    MOVED     The lead's record is another one now (merged, converted): `record` says which.
    RETRY     Not now, perhaps later (a locked row).
    REFUSED   Never, as it is: `reason` says why.
    """

    DONE = "done"
    MISSING = "missing"
    MOVED = "moved"
    RETRY = "retry"
    REFUSED = "refused"


class Answer(NamedTuple):
    """What the CRM said of one item.

    Parameters
    ----------
    verdict
        What to do.
    reason
        One word for metrics and people, of the vendor's own codes.
    record
        The CRM's id of the lead's record, where the answer tells.
    revision
        LOOK: the revision (`revision_of`) that the record shows; empty if it shows none.
    grade, propensity
        LOOK: what else the record shows.
    owner
        MATCH: our id of the lead that the record is linked to already; empty if it is to none.
    """

    verdict: Verdict
    reason: str = ""
    record: str = ""
    revision: str = ""
    grade: str = ""
    propensity: float = 0.0
    owner: str = ""


class Answered(NamedTuple):
    """A request's answers, parallel to its items; and how many calls the vendor says are left today, where it says so."""

    answers: Sequence[Answer]
    daily_left: int | None = None


class Sink(Protocol):
    """One account of one CRM.

    `send` makes exactly one API request (two, if an expired token was renewed before it) and raises the errors of `schemas.errors`:
    RateLimitedError (the short quota), QuotaSpentError (the long one), DoubtfulError (it may have been done), RetriableError (it was
    not done), AuthError (a person must act). An error of the vendor's client never leaves it.
    """

    limits: Limits

    async def set_up(self) -> list[str]:
        """Make what is missing on the other side, or name it where this API cannot; doing it twice changes nothing."""

    async def send(self, request: Request) -> Answered:
        """Carry a request out: one answer for each item, in their order."""

    async def close(self) -> None:
        """End connections."""


class Addresses(Protocol):
    """Where leads' e-mail addresses are: asked for a MATCH, never kept."""

    def emails(self, leads: Sequence[str]) -> Mapping[str, str]:
        """Lead → address, for those that have one. Raises RetriableError while they cannot be read."""


def revision_of(score: LeadScore) -> str:
    """Order of a lead's scores as text: the later a score, the greater. It is a field in the CRM, so that an older one is never written over.

    Examples
    --------
    >>> first = LeadScore("t", "l", "e", 7, 1_000, 0.5, "B1", [], [], 1, 1, 2_000, 900)
    >>> revision_of(first), revision_of(first) < revision_of(first._replace(sequence=8))
    ('0000000001000-0000000007-0000000002000', True)
    """
    return "%013d-%010d-%013d" % (score.as_of, score.sequence, score.scored_at)  # noqa: UP031 - asked four times a push, and half slower as f-string


def made_at(revision: str) -> tuple[int, int]:
    """`as_of` and sequence of the score whose revision this is; of an empty one, before all others.

    Examples
    --------
    >>> made_at("0000000001000-0000000007-0000000002000"), made_at("")
    ((1000, 7), (-1, -1))
    """
    as_of, _, rest = revision.partition("-")
    return (int(as_of), int(rest.partition("-")[0])) if rest else (-1, -1)


def kind_of(record: str) -> str:
    """The kind of a record that says it (`Contact/003…`); empty for others."""
    kind, slash, _ = record.rpartition("/")
    return kind if slash else ""
