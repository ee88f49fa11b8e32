"""What comes back from CRMs, in real tables: links, overrides, a follower's memory."""

import pytest

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.links import LinkStore
from connectors.cassandra.overrides import OverrideStore
from connectors.cassandra.profiles import ProfileStore
from connectors.cassandra.values import CursorStore, KnownValue, ValueStore
from connectors.cassandra.writer import ResultsWriter
from schemas.crm_link import DELETED, ERASED, LINKED, CrmLink
from schemas.event import Person
from schemas.ids import Millis
from schemas.override import Override
from tests.builders import FRIDAY, MONDAY, TENANT, THURSDAY, TUESDAY, WEDNESDAY, later
from tests.results import a_push, an_enriched


def an_override(lead: str = "ada", *, at: Millis = MONDAY, grade: str = "A1") -> Override:
    return Override(TENANT, lead, f"{lead}-{at}", grade, "met at the fair", "sales-lead", "api", at, later(at, days=30))


def test_what_was_learned_last_of_a_link_counts(writer: ResultsWriter, client: CassandraClient):
    """In any order; a push that was delivered links as well; a record is found by its id."""
    deleted = CrmLink(TENANT, "ada", "hubspot", "501", DELETED, FRIDAY)
    push = a_push("ada", record="501", reported_at=THURSDAY)
    for _ in range(2):
        writer.write([deleted, push, a_push("ada", crm="salesforce", record="Lead/00Q", reported_at=TUESDAY)], {})
    links = LinkStore(client)

    assert [("hubspot", "501", DELETED, FRIDAY), ("salesforce", "Lead/00Q", LINKED, TUESDAY)] == [
        (link.crm, link.record, link.state, link.changed_at) for link in links.of_lead(TENANT, "ada")
    ]
    assert {"501": ("ada", DELETED)} == {
        record: (link.lead, link.state) for record, link in links.of_records(TENANT, "hubspot", ["501", "x"]).items()
    }
    assert {} == links.of_records("globex", "hubspot", ["501"])


def test_who_is_forgotten_is_named_nowhere(writer: ResultsWriter, client: CassandraClient):
    """And is not named again by what had happened before; the neighbour is left as it was."""
    known = [an_enriched(lead, at=MONDAY, person=Person(email=f"{lead}@example.com", name=lead)) for lead in ("ada", "bob")]
    writer.write([*known, CrmLink(TENANT, "ada", "hubspot", "501", ERASED, WEDNESDAY)], {})
    writer.write([known[0], an_enriched(at=TUESDAY, person=Person(phone="+44"))], {})
    profiles = ProfileStore(client)
    ada, bob = (profiles.profile(TENANT, lead) for lead in ("ada", "bob"))

    assert (Person(), "bob@example.com") == (ada and ada.person, bob and bob.person.email)


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_decisions_are_listed_over_months_and_the_latest_counts(writer: ResultsWriter, client: CassandraClient, limit: int):
    """Of a lead and of all leads, newest first, each once, however they came."""
    decided = [an_override(lead, at=later(MONDAY, days=20 * n), grade=grade) for lead in ("ada", "bob") for n, grade in enumerate(("A1", "", "D3"))]
    writer.write([*decided, *reversed(decided)], {})
    store = OverrideStore(client)
    latest = store.latest(TENANT, "ada")
    of_lead, of_tenant, after = [], [], None
    while (page := store.of_lead(TENANT, "ada", limit=limit, after=after)).items:
        of_lead += page.items
        if (after := page.next) is None:
            break
    while (found := store.of_tenant(TENANT, since=MONDAY, until=later(MONDAY, days=99), limit=limit, after=after)).items:
        of_tenant += found.items
        if (after := found.next) is None:
            break

    assert decided[2] == latest
    assert list(reversed(decided[:3])) == of_lead
    assert sorted(decided, key=lambda o: (o.decided_at, o.override_id), reverse=True) == of_tenant
    assert store.latest(TENANT, "nil") is None


def test_a_follower_remembers_values_and_its_place(client: CassandraClient):
    """A value again is the same row; a place never goes back behind a later one."""
    values, cursors = ValueStore(client), CursorStore(client)
    told = [KnownValue("deal:77", "dealstage", at, text) for at, text in ((MONDAY, "open"), (TUESDAY, "won"))]
    for _ in range(2):
        values.remember(TENANT, "hubspot", told)
    empty = cursors.cursor(TENANT, "hubspot")
    cursors.move(TENANT, "hubspot", "later", WEDNESDAY)
    cursors.move(TENANT, "hubspot", "earlier", TUESDAY)

    assert told == values.known(TENANT, "hubspot", ["deal:77", "deal:78"])
    assert ("", "later", "") == (empty, cursors.cursor(TENANT, "hubspot"), cursors.cursor("globex", "hubspot"))
