"""What every source of a CRM must keep: inherit the class, and give it a world. `connectors.crm.source` says the promises in prose."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import pytest

from connectors.crm.source import CrmRecord, Source
from schemas.crm_change import DEAL, DELETED, MERGED, PERSON, UPDATED
from schemas.errors import AuthError, DoubtfulError, ProxError, RetriableError
from tests.builders import MONDAY, later
from tests.fakes.faults import Fault, Faults

T = TypeVar("T")
OPEN, WON = "open", "won"


class Crm(Protocol):
    """An account with people in it who do things; times in ms."""

    faults: Faults
    paced: int

    def source(self) -> Source: ...
    def person(self, lead: str, at: int) -> str: ...
    def deal(self, *people: str, at: int) -> str: ...
    def set_stage(self, deal: str, stage: str, at: int) -> None: ...
    def delete(self, person: str, at: int) -> None: ...
    def merge(self, kept: str, gone: str, at: int) -> None: ...
    def stage(self, name: str) -> str: ...
    def requests(self) -> int: ...


def asked(crm: Crm, ask: Callable[[Source], Awaitable[T]]) -> T:
    """One question, in a loop whose connections end with it."""

    async def go() -> T:
        source = crm.source()
        try:
            return await ask(source)
        finally:
            await source.close()

    return asyncio.run(go())


def walk(crm: Crm, cursor: str = "") -> tuple[list[CrmRecord], list[str]]:
    """Every page from a cursor to the end, and the cursors after each."""

    async def go(source: Source) -> tuple[list[CrmRecord], list[str]]:
        found, cursors = list[CrmRecord](), [cursor]
        while True:
            page = await source.changed(cursors[-1])
            found += page.records
            cursors.append(page.cursor)
            if page.is_end:
                return found, cursors

    return asked(crm, go)


def of(records: Sequence[CrmRecord], record: str) -> CrmRecord:
    return [one for one in records if one.record == record][-1]


class SourceLaws:
    """The suite."""

    def test_a_deal_comes_with_its_people_and_when_its_stages_began(self, crm: Crm):
        """Both leads that take part, by our id; each stage at the CRM's own time."""
        people = [crm.person(lead, MONDAY) for lead in ("ada", "bob")]
        crm.person("eve", MONDAY)
        deal = crm.deal(*people, at=later(MONDAY, hours=1))
        crm.set_stage(deal, WON, later(MONDAY, hours=2))
        crm.set_stage(deal, OPEN, later(MONDAY, hours=3))
        record = of(walk(crm)[0], deal)

        assert (DEAL, {"ada", "bob"}) == (record.kind, {contact.lead for contact in record.people})
        assert [(crm.stage(OPEN), later(MONDAY, hours=1)), (crm.stage(WON), later(MONDAY, hours=2)), (crm.stage(OPEN), later(MONDAY, hours=3))] == [
            (value.text, value.at) for value in record.values if value.field == crm.source().stage_fields[DEAL]
        ]

    def test_a_person_comes_with_our_id_and_its_address(self, crm: Crm):
        """By which its lead is known."""
        person = crm.person("ada", MONDAY)
        record = of(walk(crm)[0], person)
        (contact,) = record.people

        assert (PERSON, UPDATED, "ada", "ada@example.com") == (record.kind, record.change, contact.lead, contact.email.lower())

    def test_what_changes_after_a_cursor_comes_after_it(self, crm: Crm):
        """Also when it is the same record again."""
        deal = crm.deal(crm.person("ada", MONDAY), at=MONDAY)
        _, cursors = walk(crm)
        crm.set_stage(deal, WON, later(MONDAY, hours=1))

        assert crm.stage(WON) in {value.text for value in of(walk(crm, cursors[-1])[0], deal).values}

    def test_many_pages_hold_everything_wherever_they_are_taken_up(self, crm: Crm):
        """A reader that is killed goes on from its last cursor, and misses nothing; many records of one instant are parted somewhere."""
        everybody = {crm.person(f"lead-{n}", MONDAY) for n in range(202)}
        deals = {crm.deal(sorted(everybody)[0], at=MONDAY) for _ in range(7)}
        found, cursors = walk(crm)

        assert everybody | deals <= {record.record for record in found}
        assert len(cursors) > 4
        for at, cursor in list(enumerate(cursors[1:-1], start=1))[::2]:
            before = asked(crm, lambda source, at=at: _first(source, at))
            assert everybody | deals <= {record.record for record in [*before, *walk(crm, cursor)[0]]}

    def test_a_cursor_gives_the_same_again(self, crm: Crm):
        """Whoever asks twice, after a failure, is told twice."""
        person = crm.person("ada", MONDAY)

        assert person in {record.record for record in walk(crm)[0]} & {record.record for record in walk(crm)[0]}

    def test_a_deleted_record_says_so(self, crm: Crm):
        """And is not read as if it were there."""
        person = crm.person("ada", MONDAY)
        _, cursors = walk(crm)
        crm.delete(person, later(MONDAY, hours=1))

        assert DELETED == of(walk(crm, cursors[-1])[0], person).change
        assert [] == asked(crm, lambda source: source.read(PERSON, [person]))

    def test_a_merged_record_says_into_which(self, crm: Crm):
        """The one that is left goes on."""
        kept, gone = crm.person("ada", MONDAY), crm.person("bob", MONDAY)
        _, cursors = walk(crm)
        crm.merge(kept, gone, later(MONDAY, hours=1))
        merged = of(walk(crm, cursors[-1])[0], gone)

        assert (MERGED, kept) == (merged.change, merged.into)

    def test_records_are_read_by_their_ids(self, crm: Crm):
        """Those that exist, persons and deals."""
        person = crm.person("ada", MONDAY)
        deal = crm.deal(person, at=MONDAY)

        async def read(source: Source) -> list[CrmRecord]:
            return [*await source.read(PERSON, [person]), *await source.read(DEAL, [deal]), *await source.read(DEAL, [deal + "9"])]

        assert [person, deal] == [record.record for record in asked(crm, read)]

    @pytest.mark.parametrize(
        "fault", [Fault.THROTTLED, Fault.UNAVAILABLE, Fault.SERVER_ERROR, Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.QUOTA_SPENT]
    )
    def test_a_fault_is_one_of_ours_and_costs_nothing(self, crm: Crm, fault: Fault):
        """It can be asked again from the same cursor."""
        person = crm.person("ada", MONDAY)
        crm.faults.coming += [fault]
        with pytest.raises(RetriableError):
            walk(crm)
        crm.faults.coming.clear()

        assert person in {record.record for record in walk(crm)[0]}

    def test_a_revoked_token_is_an_auth_error(self, crm: Crm):
        """A person must act, and nobody else is disturbed."""
        crm.person("ada", MONDAY)
        crm.faults.is_revoked = True
        with pytest.raises(ProxError) as caught:
            walk(crm)

        assert isinstance(caught.value, AuthError)
        assert not isinstance(caught.value, DoubtfulError)

    def test_every_request_waits_for_the_quota(self, crm: Crm):
        """No request is made without asking."""
        crm.deal(crm.person("ada", MONDAY), at=MONDAY)
        walk(crm)

        assert crm.requests() == crm.paced


async def _first(source: Source, pages: int) -> list[CrmRecord]:
    found, cursor = list[CrmRecord](), ""
    for _ in range(pages):
        page = await source.changed(cursor)
        found += page.records
        cursor = page.cursor
    return found
