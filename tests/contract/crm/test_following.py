"""From what people do in a CRM to what ProX hears: by webhooks, by looking, by both; killed in between, and told twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from api.collector.hubspot import Portal
from schemas.crm_change import CrmChange
from schemas.crm_link import DELETED, ERASED, LINKED, MERGED_AWAY, CrmLink
from schemas.errors import RetriableError
from schemas.event import PROFILE_UPDATED, Event
from schemas.outcome import LOST, REOPENED, WON, Outcome
from schemas.override import Override
from schemas.pseudonym import pseudonym
from tests.builders import FRIDAY, MONDAY, TENANT, later
from tests.collector import SECRET, Desk
from tests.crm_following import Following
from tests.crm_sources import HubSpotCrm, SalesforceCrm
from tests.fakes import hubspot, salesforce
from tests.fakes.faults import Fault
from tests.fakes.hubspot_records import Webhooks

PORTAL, URL = 7, "https://collect.acme.example/v1/crm/hubspot"
HOURS = [later(MONDAY, hours=n) for n in range(8)]


@pytest.fixture
def crm(hub: hubspot.HubSpot, hub_url: str) -> HubSpotCrm:
    hub.webhooks = Webhooks(PORTAL, "a-client-secret-of-an-app", URL)
    return HubSpotCrm(hub, hub_url)


@pytest.fixture
def following(crm: HubSpotCrm) -> Following:
    return Following(crm, "hubspot")


@pytest.fixture
def org_following(org: salesforce.Salesforce, org_url: str) -> Following:
    return Following(SalesforceCrm(org, org_url), "salesforce")


@pytest.fixture
def delivered(crm: HubSpotCrm, tmp_path: Path) -> Callable[[], list[CrmChange]]:
    """What HubSpot sends of all that was done since, as the collector puts it on the topic."""
    desk = Desk(tmp_path)
    desk.now = FRIDAY
    desk.portals[PORTAL] = Portal(TENANT, b"a-client-secret-of-an-app", URL, frozenset({"dealstage", "lifecyclestage", "sales_grade"}))

    def deliver() -> list[CrmChange]:
        assert crm.fake.webhooks is not None
        body, headers = crm.fake.webhooks.request(FRIDAY)
        before = len(desk.changes)
        assert 200 == desk.post("/v1/crm/hubspot", body, key=None, headers=headers).status_code
        return desk.changes[before:]

    return deliver


def links(following: Following) -> list[tuple[str, str, str]]:
    return [(link.lead, link.record, link.state) for link in following.memory.of(CrmLink)]


def test_a_deals_webhook_becomes_its_leads_outcomes(crm: HubSpotCrm, following: Following, delivered: Callable[[], list[CrmChange]]):
    """HubSpot names the deal; its contacts, asked for, name the leads; the time is HubSpot's."""
    deal = crm.deal(crm.person("ada", MONDAY), crm.person("bob", MONDAY), at=HOURS[0], amount="1200")
    crm.set_stage(deal, "won", HOURS[1])
    crm.set_stage(deal, "open", HOURS[2])
    crm.set_stage(deal, "lost", HOURS[3])
    following.hear(delivered())

    assert [(WON, HOURS[1], 1200.0), (REOPENED, HOURS[2], 1200.0), (LOST, HOURS[3], 1200.0)] == [
        (o.outcome, o.occurred_at, o.amount) for o in following.memory.of(Outcome) if o.lead == "bob"
    ]


@pytest.mark.parametrize("walks_first", [True, False])
def test_what_was_heard_and_found_is_told_once(crm: HubSpotCrm, following: Following, delivered: Callable[[], list[CrmChange]], *, walks_first: bool):
    """Webhooks and walks in any order, each twice."""
    person = crm.person("ada", MONDAY, industry="retail")
    crm.set_stage(crm.deal(person, at=HOURS[0]), "won", HOURS[1])
    changes = delivered()
    for _ in range(2):
        for step in (following.walk, lambda: following.hear(changes))[:: 1 if walks_first else -1]:
            step()
    identities = following.memory.identities()

    assert {("ada", WON)} == following.memory.outcomes
    assert sorted(set(identities)) == sorted(identities)
    assert [("ada", person, LINKED)] == links(following)


def test_what_a_webhook_never_brought_is_found(crm: HubSpotCrm, following: Following):
    """A walk finds deals, traits, grades that people wrote, deletions and mergers."""
    ada, bob, eve = (crm.person(lead, MONDAY, industry="retail") for lead in ("ada", "bob", "eve"))
    following.walk()
    crm.set_stage(crm.deal(ada, at=HOURS[0]), "lost", HOURS[1])
    crm.fake.change("contact", ada, HOURS[2], sales_grade="A1", industry="steel")
    crm.delete(bob, HOURS[3])
    crm.merge(ada, eve, HOURS[4])
    following.walk()

    assert {("ada", LOST)} == following.memory.outcomes
    assert ["A1"] == [override.grade for override in following.memory.of(Override)]
    assert {("bob", bob, DELETED), ("eve", eve, MERGED_AWAY)} <= set(links(following))
    assert "steel" in {e.properties.get("industry") for e in following.memory.of(Event) if e.lead == "ada" and e.type == PROFILE_UPDATED}
    before = len(following.memory.sent)
    following.walk()
    assert before == len(following.memory.sent)


@pytest.mark.parametrize("fails_at", [0, 1, 3])
def test_a_kill_anywhere_loses_nothing(crm: HubSpotCrm, following: Following, fails_at: int):
    """Kafka fails at the n-th page: what was published again has the same identity, and the cursor did not move."""
    for n in range(60):
        crm.set_stage(crm.deal(crm.person(f"lead-{n}", MONDAY), at=HOURS[0]), "won", HOURS[1])
    whole = Following(crm, "hubspot")
    whole.walk()
    memory = following.memory
    flush, pages = memory.flush, 0

    def failing() -> None:
        nonlocal pages
        pages += 1
        if pages - 1 == fails_at:
            memory.sent += memory.waiting  # it arrived, and nobody said so
            memory.waiting = []
            raise RetriableError("no answer")
        flush()

    memory.flush = failing  # type: ignore[method-assign]
    for _ in range(2):
        try:
            following.walk()
        except RetriableError:
            continue

    assert whole.memory.outcomes == memory.outcomes
    assert set(whole.memory.identities()) == set(memory.identities())


def test_a_deletion_an_erasure_and_a_restoration_are_their_leads_links(
    crm: HubSpotCrm, following: Following, delivered: Callable[[], list[CrmChange]]
):
    """HubSpot names a record that is gone: whose it was is known from what was pushed there."""
    ada, bob, nil = (crm.person(lead, MONDAY) for lead in ("ada", "bob", "nil"))
    following.link(ada, "ada")
    following.link(bob, "bob")
    delivered()
    crm.delete(ada, HOURS[0])
    crm.fake.forget(bob, HOURS[0])
    crm.fake.forget(nil, HOURS[0])
    changes = delivered()
    follower = following.hear(changes)
    following.hear(changes)

    assert [("ada", ada, DELETED), ("bob", bob, ERASED)] == links(following)
    assert 1 == follower.counts.unlinked
    crm.fake.contacts[ada] = {"email": "ada@example.com", "prox_lead_id": "ada"}
    assert crm.fake.webhooks is not None
    crm.fake.webhooks.tell("contact.restore", HOURS[2], objectId=int(ada))
    following.hear(delivered())
    assert ("ada", ada, LINKED) == links(following)[-1]


def test_an_erasure_is_never_weakened(crm: HubSpotCrm, following: Following, delivered: Callable[[], list[CrmChange]]):
    """HubSpot tells a deletion as well: who asked to be forgotten stays forgotten."""
    ada = crm.person("ada", MONDAY)
    following.link(ada, "ada")
    delivered()
    crm.fake.forget(ada, HOURS[0])
    assert crm.fake.webhooks is not None
    crm.fake.webhooks.tell("contact.deletion", HOURS[1], objectId=int(ada))
    following.hear(delivered())

    assert [("ada", ada, ERASED)] == links(following)
    assert set() == crm.fake.blocklist


def test_a_merger_moves_the_link_where_the_record_is_free(crm: HubSpotCrm, following: Following, delivered: Callable[[], list[CrmChange]]):
    """The record that is left carried nobody's id: the merged lead goes on there."""
    ada = crm.person("ada", MONDAY)
    kept = crm.fake.add(email="a.l@example.com")
    following.link(ada, "ada")
    delivered()
    crm.merge(kept, ada, HOURS[0])
    following.hear(delivered())

    assert ("ada", kept, LINKED) == links(following)[-1]
    assert {"crm.hubspot": kept} in [event.identifiers for event in following.memory.of(Event) if event.lead == "ada"]


def test_a_merger_of_two_leads_leaves_the_record_to_the_one_that_has_it(
    crm: HubSpotCrm, following: Following, delivered: Callable[[], list[CrmChange]]
):
    """The other is pushed no more, and both are seen with one record: identity makes one person of them."""
    ada, bob = crm.person("ada", MONDAY), crm.person("bob", MONDAY)
    following.link(bob, "bob")
    delivered()
    crm.merge(ada, bob, HOURS[0])
    following.hear(delivered())
    seen = {event.lead for event in following.memory.of(Event) if event.identifiers == {"crm.hubspot": ada}}

    assert {("ada", ada, LINKED), ("bob", bob, MERGED_AWAY)} == set(links(following))
    assert {"ada", "bob"} == seen


def test_a_person_without_our_id_is_known_by_the_hash_of_its_address(crm: HubSpotCrm, following: Following):
    """As a collector names a lead of whom it knows nothing else; without an address it is nobody, and counted."""
    known = crm.fake.add(email=" Ada@Example.com ")
    crm.fake.change("contact", known, MONDAY, industry="retail")
    crm.fake.add(lastname="Nemo")
    follower = following.walk()
    lead = f"email:{pseudonym(SECRET, TENANT, 'email', 'ada@example.com')}"

    assert {lead} == {event.lead for event in following.memory.of(Event)}
    assert [] == links(following)
    assert 1 == follower.counts.unlinked
    assert "example.com" not in repr(following.memory.sent)


def test_our_own_pushes_bring_nothing_back(crm: HubSpotCrm, following: Following):
    """Each changes the record; none is news, or scores would chase their own tails."""
    person = crm.person("ada", MONDAY, industry="retail")
    following.walk()
    before = len(following.memory.sent)
    crm.fake.change("contact", person, HOURS[3], prox_grade="A1", prox_revision="x")
    following.walk()

    assert before == len(following.memory.sent)


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.UNAVAILABLE, Fault.RESET_AFTER, Fault.EXPIRED])
def test_a_failing_crm_delays_and_loses_nothing(crm: HubSpotCrm, following: Following, fault: Fault):
    """The same page is asked again."""
    crm.set_stage(crm.deal(crm.person("ada", MONDAY), at=HOURS[0]), "won", HOURS[1])
    crm.faults.coming += [None, fault, None, fault]
    for _ in range(5):
        try:
            following.walk()
        except RetriableError:
            continue

    assert {("ada", WON)} == following.memory.outcomes


def test_salesforces_conversion_and_closing_are_heard(org_following: Following):
    """A lead becomes contact and opportunity, which is won: outcome, link and stages are of one lead."""
    crm = org_following.crm
    assert isinstance(crm, SalesforceCrm)
    crm.fake.now = HOURS[0]
    lead = crm.fake.add("Lead", Email="ada@example.com", ProX_Lead_Id__c="ada", Status="Working")
    org_following.walk()
    crm.fake.now = HOURS[1]
    contact = crm.fake.convert(lead)
    crm.fake.change("Contact", contact, ProX_Lead_Id__c="ada")
    deal = crm.fake.add_deal(contact, StageName="Negotiation", Amount=700.0)
    crm.fake.change("Lead", lead, ConvertedOpportunityId=deal)
    crm.set_stage(f"Opportunity/{deal}", "won", HOURS[2])
    org_following.walk()

    assert [("ada", WON, HOURS[2], 700.0)] == [(o.lead, o.outcome, o.occurred_at, o.amount) for o in org_following.memory.of(Outcome)]
    stages = [e.properties["stage"] for e in org_following.memory.of(Event) if e.type == "stage_changed"]
    assert ["working", "converted", "negotiation"] == stages
    assert ("ada", f"Contact/{contact}", LINKED) == links(org_following)[-1]
    before = len(org_following.memory.sent)
    org_following.walk()
    assert before == len(org_following.memory.sent)
