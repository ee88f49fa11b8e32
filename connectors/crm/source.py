"""The way back: what a CRM connector tells of its records. `tests/contract/crm/source_laws.py` is the suite that each one inherits."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol

from schemas.crm_change import UPDATED

Pace = Callable[[], Awaitable[None]]
"""Awaited before each request: it returns when the account's quota has room for one."""


class Value(NamedTuple):
    """What a field says since an instant, in ms: the CRM's own time where it keeps one, else when the record was last changed."""

    field: str
    text: str
    at: int


class Contact(NamedTuple):
    """Somebody that a record speaks of.

    Parameters
    ----------
    record
        The CRM's id of the person's record, as a sink writes it (`501`, `Contact/003…`).
    lead
        Our id, where the record carries it; empty otherwise.
    email
        Never kept: it is hashed to find the lead where `lead` is empty.
    """

    record: str
    lead: str = ""
    email: str = ""


class CrmRecord(NamedTuple):
    """A record as it is now, as far as it was asked for.

    Parameters
    ----------
    kind, record
        `schemas.crm_change.PERSON` or DEAL; the CRM's id.
    at
        When it was last changed, in ms.
    people
        Whom it speaks of: of a person that one; of a deal everybody who takes part.
    values
        Of the fields that were wanted, with what is known of their past; in order of time within a field.
    change
        UPDATED, DELETED or MERGED.
    into
        MERGED: the record that is left. UPDATED: the record that stands for the person from now on (a converted lead's contact).
    """

    kind: str
    record: str
    at: int
    people: tuple[Contact, ...] = ()
    values: tuple[Value, ...] = ()
    change: str = UPDATED
    into: str = ""

    def latest(self) -> dict[str, str]:
        """Field → what it says now."""
        return {value.field: value.text for value in self.values}


class Changed(NamedTuple):
    """A page of records that changed. `is_end`: there were no more when it was read."""

    records: Sequence[CrmRecord]
    cursor: str
    is_end: bool


class Source(Protocol):
    """One account of one CRM, read.

    `changed` promises: every record that changed after the one that a cursor stands for comes, at least once, however often it is asked
    and whoever was killed in between. The empty cursor stands for the beginning of all time. Records that change while pages are read come
    with a later page; a record that was deleted or merged comes once more and says so. It never promises that nothing comes twice: whoever
    reads tells repeats by what was said before. A cursor is opaque text, good for ever and for this account only.

    `read` gives those of the records that exist, as they are now, in any order.

    Both make requests only after `pace` let them, and raise the errors that a sink raises.
    """

    stage_fields: ClassVar[Mapping[str, str]]
    """Kind of record → the field that holds its stage."""

    async def changed(self, cursor: str) -> Changed:
        """The next page after a cursor."""

    async def read(self, kind: str, records: Sequence[str]) -> list[CrmRecord]:
        """Records by their ids."""

    async def close(self) -> None:
        """End connections."""
