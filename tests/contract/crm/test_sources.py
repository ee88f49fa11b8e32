"""Each CRM's source against its fake: the laws that all keep, and what is each one's own."""

import json

import pytest

from connectors.crm.source import Source
from connectors.salesforce.source import OVERLAP_MS
from schemas.crm_change import PERSON
from schemas.errors import TenantBlockedError
from tests.builders import MONDAY, later
from tests.contract.crm.source_laws import SourceLaws, asked, of, walk
from tests.crm_sources import SALESFORCE_BACK, HubSpotCrm, SalesforceCrm
from tests.fakes import hubspot, salesforce


class TestHubSpot(SourceLaws):
    """HubSpot keeps the laws; requests and answers keep its own contract."""

    @pytest.fixture
    def crm(self, hub: hubspot.HubSpot, hub_url: str) -> HubSpotCrm:
        return HubSpotCrm(hub, hub_url)

    def test_the_past_of_an_override_comes_along(self, crm: HubSpotCrm):
        """Every value that the field had, and when."""
        person = crm.person("ada", MONDAY)
        for hours, grade in ((1, "A1"), (2, "")):
            crm.fake.change("contact", person, later(MONDAY, hours=hours), sales_grade=grade)

        told = [value for value in of(walk(crm)[0], person).values if value.field == "sales_grade"]
        assert [("A1", later(MONDAY, hours=1)), ("", later(MONDAY, hours=2))] == [(value.text, value.at) for value in told]

    def test_our_own_fields_are_not_told_back(self, crm: HubSpotCrm):
        """Nor an address as a value: it is the contact's."""
        person = crm.person("ada", MONDAY, industry="retail")
        record = of(walk(crm)[0], person)

        assert {"industry"} == {value.field for value in record.values}


class TestSalesforce(SourceLaws):
    """Salesforce keeps the laws."""

    @pytest.fixture
    def crm(self, org: salesforce.Salesforce, org_url: str) -> SalesforceCrm:
        return SalesforceCrm(org, org_url)

    def test_what_commits_late_is_read_still(self, crm: SalesforceCrm):
        """A record that shows up with a stamp of minutes ago, after later ones were read."""
        crm.person("ada", later(MONDAY, minutes=4))
        _, cursors = walk(crm)
        late = crm.person("bob", MONDAY)

        assert late in {record.record for record in walk(crm, cursors[-1])[0]}
        assert OVERLAP_MS >= 240_000

    def test_a_look_at_nothing_new_costs_a_call_for_each_kind(self, crm: SalesforceCrm):
        """The allotment is the whole org's. But whoever could not deal with a page is given it again."""
        crm.deal(crm.person("ada", MONDAY), at=MONDAY)

        async def look(source: Source) -> tuple[list[int], list[int]]:
            cursor, found, cost = "", list[int](), list[int]()
            for _ in range(3):
                before = crm.paced
                for _ in range(3):
                    page = await source.changed(cursor)
                    again = await source.changed(cursor) if not found else page
                    assert len(page.records) == len(again.records)
                    cursor = again.cursor
                found.append(len(page.records))
                cost.append(crm.paced - before)
            return found, cost

        found, cost = asked(crm, look)

        assert [1, 0, 0] == found
        assert [3, 3] == cost[1:]

    def test_a_converted_lead_says_which_contact_goes_on(self, crm: SalesforceCrm):
        """And takes part in the opportunity that it became, before anybody wrote our id to the contact."""
        crm.fake.now = MONDAY
        lead = crm.fake.add("Lead", Email="ada@example.com", ProX_Lead_Id__c="ada", Status="Working")
        deal = crm.fake.add_deal(StageName="Closed Won", Amount=1200.0)
        contact = crm.fake.convert(lead)
        crm.fake.change("Lead", lead, ConvertedOpportunityId=deal)
        found = walk(crm)[0]

        assert f"Contact/{contact}" == of(found, f"Lead/{lead}").into
        assert ["ada"] == [person.lead for person in of(found, f"Opportunity/{deal}").people]
        assert {"StageName": "Closed Won", "Amount": "1200", "OwnerId": ""} == of(found, f"Opportunity/{deal}").latest()

    def test_a_field_of_one_kind_is_not_asked_of_the_other(self, crm: SalesforceCrm):
        """And one of a related record is read through it."""
        crm.fake.now = MONDAY
        lead = crm.fake.add("Lead", Industry="Retail", NumberOfEmployees=40)
        contact = crm.person("bob", MONDAY, Account={"Industry": "Steel"})
        found = walk(crm)[0]

        assert ("Retail", "40") == tuple(of(found, f"Lead/{lead}").latest()[field] for field in ("Industry", "NumberOfEmployees"))
        assert "Steel" == of(found, contact).latest()["Account.Industry"]

    def test_a_field_that_is_nowhere_blocks_the_account_by_its_name(self, crm: SalesforceCrm):
        """Before anything is read with it missing."""
        crm.back = SALESFORCE_BACK.model_copy(update={"traits": {"Shoe_Size__c": "shoe_size"}})

        with pytest.raises(TenantBlockedError, match="Shoe_Size__c on Lead or Contact"):
            walk(crm)

    def test_long_answers_are_read_to_their_end(self, crm: SalesforceCrm):
        """Salesforce gives a part, and where the rest is."""
        crm.fake.rows_at_once = 3
        people = {crm.person(f"lead-{n}", MONDAY) for n in range(8)}

        assert people <= {record.record for record in walk(crm)[0]}

    def test_the_official_client_is_served_too(self, org: salesforce.Salesforce, org_url: str, crm: SalesforceCrm):
        """`simple-salesforce` queries deleted records and follows parts."""
        from simple_salesforce import Salesforce  # noqa: PLC0415 - for one test

        person = crm.person("ada", MONDAY).partition("/")[2]
        org.rows_at_once = 1
        crm.person("bob", MONDAY)
        org.delete("Contact", person)
        org._access.add("session")
        official = Salesforce(instance_url=org_url, session_id="session", version="62.0")
        official.base_url = official.base_url.replace("https", "http")  # it knows no other
        first = official.query("SELECT Id, IsDeleted FROM Contact ORDER BY SystemModstamp, Id", include_deleted=True)
        rest = official.query_more(first["nextRecordsUrl"].rpartition("/")[2], include_deleted=True)

        assert (False, True, True) == (
            first["done"],
            rest["done"],
            {row["Id"]: row["IsDeleted"] for row in first["records"] + rest["records"]}[person],
        )


def test_hubspots_official_client_walks_the_same_lists(hub: hubspot.HubSpot, hub_url: str):
    """Deals with their past and their contacts, page by page."""
    from hubspot import HubSpot  # noqa: PLC0415 - seconds of import, for one test

    crm = HubSpotCrm(hub, hub_url)
    person = crm.person("ada", MONDAY)
    deals = [crm.deal(person, at=MONDAY) for _ in range(3)]
    official = HubSpot(access_token=hubspot.TOKEN)
    api = official.crm.deals.basic_api
    api.api_client.configuration.host = hub_url
    page = api.get_page(limit=2, properties=["amount"], properties_with_history=["dealstage"], associations=["contacts"])
    rest = api.get_page(limit=2, after=page.paging.next.after)

    assert deals == [deal.id for deal in (*page.results, *rest.results)]
    assert ("contractsent", [person]) == (
        page.results[0].properties_with_history["dealstage"][0].value,
        [each.id for each in page.results[0].associations["contacts"].results],
    )


def test_a_cursor_is_of_no_length_that_grows(org: salesforce.Salesforce, org_url: str):
    """It is kept in a row, and written with every page."""
    crm = SalesforceCrm(org, org_url)
    crm.person("ada", MONDAY)
    cursors = walk(crm)[1]

    async def read(source: Source) -> int:
        return len(await source.read(PERSON, []))

    assert {"turn", "places"} == set(json.loads(cursors[-1]))
    assert 0 == asked(crm, read)
