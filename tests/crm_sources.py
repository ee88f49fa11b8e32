"""Fakes of CRMs as the worlds of `tests.contract.crm.source_laws`, and of whoever follows them."""

from collections.abc import Callable

from connectors.crm.back import BackSettings
from connectors.hubspot.client import HubSpotClient
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.source import HubSpotSource
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.source import SalesforceSource
from jobs.operators.wall_clock import now_ms
from tests.fakes import hubspot, salesforce
from tests.fakes.faults import Faults
from tests.fakes.hubspot_records import CONTACT, DEAL

HUBSPOT_BACK = BackSettings(
    deal_stages={"closedwon": "won", "closedlost": "lost", "contractsent": "negotiation"},
    person_stages={"other": "disqualified", "salesqualifiedlead": "qualified"},
    traits={"industry": "industry", "numberofemployees": "employees", "hubspot_owner_id": "owner", "associatedcompanyid": "account_id"},
    deal_traits={"amount": "deal_amount"},
    override_field="sales_grade",
)
SALESFORCE_BACK = BackSettings(
    deal_stages={"Closed Won": "won", "Closed Lost": "lost", "Negotiation": "negotiation"},
    person_stages={"Unqualified": "disqualified", "Working": "working"},
    traits={"Industry": "industry", "NumberOfEmployees": "employees", "Account.Industry": "account_industry"},
    deal_traits={"OwnerId": "deal_owner"},
    override_field="Sales_Grade__c",
)


class HubSpotCrm:
    """HubSpot's fake."""

    back = HUBSPOT_BACK
    stages = {"open": "contractsent", "won": "closedwon", "lost": "closedlost"}  # noqa: RUF012

    def __init__(self, fake: hubspot.HubSpot, url: str) -> None:
        self.fake, self.url, self.paced = fake, url, 0

    @property
    def faults(self) -> Faults:
        return self.fake.faults

    def source(self) -> HubSpotSource:
        config = HubSpotConfig.model_validate({"base_url": self.url, "access_token": hubspot.TOKEN, "timeout_s": 30.0})
        return HubSpotSource(HubSpotClient(config), self.back, _counting(self))

    def person(self, lead: str, at: int, **more: str) -> str:
        record = self.fake.add(email=f"{lead}@example.com", prox_lead_id=lead)
        self.fake.change(CONTACT, record, at, email=f"{lead}@example.com", **more)
        return record

    def deal(self, *people: str, at: int, **more: str) -> str:
        return self.fake.add_deal(*people, at=at, dealstage="contractsent", **more)

    def set_stage(self, deal: str, stage: str, at: int) -> None:
        self.fake.change(DEAL, deal, at, dealstage=self.stages[stage])

    def delete(self, person: str, at: int) -> None:
        self.fake.delete(person, at)

    def merge(self, kept: str, gone: str, at: int) -> None:
        self.fake.merge(kept, gone, at)

    def stage(self, name: str) -> str:
        return self.stages[name]

    def requests(self) -> int:
        return len(self.fake.arrivals)


class SalesforceCrm:
    """Salesforce's fake. `Contact` has roles in deals."""

    back = SALESFORCE_BACK
    stages = {"open": "Negotiation", "won": "Closed Won", "lost": "Closed Lost"}  # noqa: RUF012

    def __init__(self, fake: salesforce.Salesforce, url: str) -> None:
        self.fake, self.url, self.paced = fake, url, 0

    @property
    def faults(self) -> Faults:
        return self.fake.faults

    def source(self) -> SalesforceSource:
        given = {"login_url": self.url, "client_id": salesforce.CLIENT_ID, "client_secret": salesforce.CLIENT_SECRET, "timeout_s": 30.0}
        client = SalesforceClient(SalesforceConfig.model_validate(given), clock=lambda: now_ms() / 1_000)
        return SalesforceSource(client, self.back, _counting(self))

    def person(self, lead: str, at: int, **more: object) -> str:
        self.fake.now = at
        return f"Contact/{self.fake.add('Contact', Email=f'{lead}@example.com', ProX_Lead_Id__c=lead, **more)}"

    def deal(self, *people: str, at: int, **more: object) -> str:
        self.fake.now = at
        contacts = [person.partition("/")[2] for person in people]
        return f"Opportunity/{self.fake.add_deal(*contacts, StageName='Negotiation', **more)}"

    def set_stage(self, deal: str, stage: str, at: int) -> None:
        self.fake.now = at
        self.fake.change("Opportunity", deal.partition("/")[2], StageName=self.stages[stage])

    def delete(self, person: str, at: int) -> None:
        self.fake.now = at
        kind, _, record = person.partition("/")
        self.fake.delete(kind, record)

    def merge(self, kept: str, gone: str, at: int) -> None:
        self.fake.now = at
        kind, _, record = gone.partition("/")
        self.fake.delete(kind, record, into=kept.partition("/")[2])

    def stage(self, name: str) -> str:
        return self.stages[name]

    def requests(self) -> int:
        return self.fake.used


def _counting(crm: HubSpotCrm | SalesforceCrm) -> Callable[..., object]:
    async def pace() -> None:
        crm.paced += 1

    return pace
