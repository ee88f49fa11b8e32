"""Salesforce's sink against a fake: one hazard each."""

import asyncio
from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from connectors.crm.delivery.rules import PushRules
from connectors.crm.fields import FIELDS, values_of
from connectors.salesforce import bulk
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.package import NAMESPACE, package
from connectors.salesforce.sink import SalesforceSink
from infra.crm.accounts import CrmAccount
from infra.crm.backfill import backfill
from infra.crm.reconcile import Reconciled
from jobs.operators.wall_clock import now_ms
from schemas.errors import AuthError
from tests.builders import TENANT
from tests.contract.crm.conftest import Directory
from tests.crm_runs import Run, statuses
from tests.fakes import salesforce
from tests.fakes.faults import Fault
from tests.results import a_score


@pytest.fixture
def client(org_url: str) -> Callable[..., SalesforceClient]:
    def make(**given: object) -> SalesforceClient:
        credentials = {} if "private_key" in given else {"client_secret": salesforce.CLIENT_SECRET}
        config = {"login_url": org_url, "client_id": salesforce.CLIENT_ID, "timeout_s": 30.0, **credentials, **given}
        return SalesforceClient(SalesforceConfig.model_validate(config), clock=lambda: now_ms() / 1_000)

    return make


@pytest.fixture
def run(client: Callable[..., SalesforceClient], directory: Directory) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(**given: object) -> Run:
        making = client(**given)
        runs.append(Run(SalesforceSink(making._config, directory, making), creates=making._config.creates))
        return runs[-1]

    yield start
    for one in runs:
        one.close()


@pytest.fixture
def linked(org: salesforce.Salesforce, directory: Directory) -> Callable[..., str]:
    """A lead that the org has, by its address."""

    def add(lead: str) -> str:
        directory.known[lead] = f"{lead}@example.com"
        return org.add(Email=f"{lead}@example.com", LastName=lead)

    return add


def test_a_lead_is_linked_by_its_address_and_then_upserted_by_its_id(org: salesforce.Salesforce, run: Callable[..., Run], linked: Callable[..., str]):
    """As HubSpot's: nothing is created, and people's fields are theirs."""
    record = linked("ada")
    pushing = run()
    pushing.push(a_score("ada", sequence=1, propensity=0.2))

    assert {"ada": ("delivered", "")} == statuses(pushing.push(a_score("ada", sequence=2, propensity=0.8)))
    assert [record] == list(org.records["Lead"])
    assert ("ada", 80, "A3") == tuple(org.by_lead("ada")[f"ProX_{name}__c"] for name in ("Lead_Id", "Score", "Grade"))


def test_a_converted_leads_score_moves_to_its_contact(org: salesforce.Salesforce, run: Callable[..., Run], linked: Callable[..., str]):
    """The lead is locked for ever; the contact takes the id and the score, and later ones too."""
    record = linked("ada")
    pushing = run()
    pushing.push(a_score("ada", sequence=1, propensity=0.2))
    org.convert(record)

    for sequence, propensity in ((2, 0.8), (3, 0.3)):
        assert {"ada": ("delivered", "")} == statuses(pushing.push(a_score("ada", sequence=sequence, propensity=propensity)))

    assert (20, 30) == (org.records["Lead"][record]["ProX_Score__c"], org.by_lead("ada", "Contact")["ProX_Score__c"])


def test_a_converted_leads_score_is_on_its_opportunity_too(org: salesforce.Salesforce, run: Callable[..., Run], linked: Callable[..., str]):
    """Pushed again, both are written by one call; when the opportunity is deleted, the contact goes on alone."""
    pushing = run()
    leads = [f"lead-{n}" for n in range(120)]
    records = [linked(lead) for lead in leads]
    pushing.push(*(a_score(lead) for lead in leads))
    for record in records:
        org.convert(record, opportunity=True)
    opportunities = org.records["Opportunity"]
    pushing.push(*(a_score(lead, sequence=2, propensity=0.9) for lead in leads))
    expected = a_score(sequence=2, propensity=0.9).grade

    assert [expected] * 240 == [one["ProX_Grade__c"] for kind in ("Contact", "Opportunity") for one in org.records[kind].values()]

    used = org.used
    pushing.push(a_score("lead-7", sequence=3, propensity=0.1))
    assert 1 == org.used - used
    third = a_score(sequence=3, propensity=0.1).grade
    assert 1 == sum(one["ProX_Grade__c"] == third for one in opportunities.values())

    opportunities.clear()
    pushing.push(a_score("lead-7", sequence=4, propensity=0.5))
    pushing.push(a_score("lead-7", sequence=5, propensity=0.9))
    assert expected == org.by_lead("lead-7", "Contact")["ProX_Grade__c"]
    assert [("delivered", "")] == list({statuses([one])["lead-7"] for one in pushing.ended[-2:]})


def test_a_part_of_a_batch_is_refused(org: salesforce.Salesforce, run: Callable[..., Run], linked: Callable[..., str]):
    """A validation rule's refusal is reported; a locked row is tried again."""
    for lead in ("ada", "bob", "eve"):
        linked(lead)
    org.invalid.add("bob")
    org.faults.records_locked.add("eve")

    ended = run().push(*(a_score(lead) for lead in ("ada", "bob", "eve", "nil")))

    assert ("refused", "field_custom_validation_exception") == statuses(ended).pop("bob")
    assert {"ada": ("delivered", ""), "eve": ("delivered", ""), "nil": ("skipped", "no_address")} == {
        lead: status for lead, status in statuses(ended).items() if lead != "bob"
    }


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_delays_a_push_and_loses_nothing(org: salesforce.Salesforce, run: Callable[..., Run], linked: Callable[..., str], fault: Fault):
    """Among them a session that ends, a locked row and a day's allotment that is spent."""
    linked("ada")
    pushing = run()
    pushing.haste = 2_000
    org.faults.coming += [None, fault, None, fault]

    assert {"ada": ("delivered", "")} == statuses(pushing.push(a_score("ada")))
    assert 2 == org.faults.met[fault]


def test_a_lead_that_the_org_does_not_have_is_created_only_if_the_tenant_says_so(
    org: salesforce.Salesforce, run: Callable[..., Run], directory: Directory
):
    """With what Salesforce has no lead without; that is never written again, as people put the name in."""
    directory.known["ada"] = "ada.lovelace@example.com"
    assert {"ada": ("skipped", "not_in_crm")} == statuses(run().push(a_score("ada")))
    assert {} == org.records["Lead"]

    pushing = run(creates=True)
    assert {"ada": ("delivered", ""), "nil": ("delivered", "")} == statuses(pushing.push(a_score("ada"), a_score("nil")))
    wanted = ("LastName", "Company", "Email", "ProX_Score__c")
    assert ["ada.lovelace", "example.com", "ada.lovelace@example.com", 40] == [org.by_lead("ada")[name] for name in wanted]
    assert ["nil", "[not provided]", None] == [org.by_lead("nil").get(name) for name in wanted[:3]]

    record = next(record for record, each in org.records["Lead"].items() if each["ProX_Lead_Id__c"] == "ada")
    org.change("Lead", record, LastName="Lovelace", Company="Analytical Engines")
    for one in (pushing, run(creates=True)):
        one.push(a_score("ada", sequence=2, propensity=0.9))
    shown = org.records["Lead"][record]
    assert (90, "Lovelace", "Analytical Engines") == tuple(shown[name] for name in ("ProX_Score__c", "LastName", "Company"))
    assert 2 == len(org.records["Lead"])


def test_addresses_that_are_away_delay_a_push_and_the_account_stays_open(org: salesforce.Salesforce, directory: Directory, run: Callable[..., Run]):
    """Nothing is looked for and nothing created without them, and it is not the CRM that is away."""
    directory.known["ada"] = "ada@example.com"
    directory.is_away += [True, False, True]
    pushing = run(creates=True)

    assert {"ada": ("delivered", "")} == statuses(pushing.push(a_score("ada")))
    assert "ada@example.com" == org.by_lead("ada")["Email"]
    assert ([], 0) == (directory.is_away, pushing.delivery.standing(pushing.now()).failures)


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_delays_a_creation_and_doubles_nothing(org: salesforce.Salesforce, run: Callable[..., Run], fault: Fault):
    """An insert whose answer was lost is found by our id."""
    pushing = run(creates=True)
    pushing.haste = 2_000
    org.faults.coming += [None, fault, fault]

    assert {"ada": ("delivered", "")} == statuses(pushing.push(a_score("ada")))
    assert 2 == org.faults.met[fault]
    assert 1 == len(org.records["Lead"])


def test_a_record_that_was_deleted_is_created_anew_where_the_tenant_creates(org: salesforce.Salesforce, run: Callable[..., Run]):
    """And otherwise left alone."""
    for creates, status in ((True, "delivered"), (False, "skipped")):
        pushing = run(creates=creates)
        record = org.add(ProX_Lead_Id__c=f"lead-{creates}")
        pushing.push(a_score(f"lead-{creates}", sequence=1, propensity=0.2))
        org.delete("Lead", record)

        assert status == statuses(pushing.push(a_score(f"lead-{creates}", sequence=2, propensity=0.9)))[f"lead-{creates}"][0]
    assert ["lead-True"] == [each["ProX_Lead_Id__c"] for each in org.records["Lead"].values() if not each["IsDeleted"]]


def test_a_lead_of_two_records_is_reported_and_not_guessed(org: salesforce.Salesforce, run: Callable[..., Run], linked: Callable[..., str]):
    """Two leads with one address: a person must merge them."""
    linked("ada")
    org.add(Email="ada@example.com")

    assert {"ada": ("refused", "address_of_several_records")} == statuses(run().push(a_score("ada")))


def test_an_erasure_empties_our_fields_and_nobody_elses(org: salesforce.Salesforce, client: Callable[..., SalesforceClient], directory: Directory):
    """Of lead and contact; the record is people's, and a converted lead is locked."""
    contact = org.add("Contact", Email="ada@example.com", ProX_Lead_Id__c="ada", ProX_Grade__c="A1")
    converted = org.add("Lead", ProX_Lead_Id__c="ada", ProX_Grade__c="B1", IsConverted=True)
    other = org.add("Lead", ProX_Lead_Id__c="bob", ProX_Grade__c="C1")

    async def erase() -> list[bool]:
        making = client()
        sink = SalesforceSink(making._config, directory, making)
        done = [await sink.erase("ada"), await sink.erase("ada"), await sink.erase("nil")]
        await sink.close()
        return done

    assert [True, False, False] == asyncio.run(erase())
    shown = org.records["Contact"][contact]
    assert ("ada@example.com", None, None) == tuple(shown[name] for name in ("Email", "ProX_Lead_Id__c", "ProX_Grade__c"))
    assert ("B1", "C1") == tuple(org.records["Lead"][record]["ProX_Grade__c"] for record in (converted, other))


def test_the_budget_leaves_the_orgs_other_integrations_their_share(org: salesforce.Salesforce, run: Callable[..., Run], linked: Callable[..., str]):
    """`Sforce-Limit-Info` tells what others have used: pushes wait before the last calls are gone."""
    linked("ada")
    org.allotment, org.used = 1_000, 600
    pushing = run(daily=1_000, daily_reserve=0.5)
    pushing.delivery.offer(a_score("ada"), pushing.now())
    pushing.until(lambda: pushing.delivery.standing(pushing.now()).state == "quota_spent")

    assert (399, 1) == (pushing.delivery.standing(pushing.now()).daily_left, pushing.delivery.standing(pushing.now()).pending)


def test_a_key_pair_gives_a_session(org: salesforce.Salesforce, client: Callable[..., SalesforceClient]):
    """JWT bearer: the assertion is signed with the connected app's key; another key is refused."""
    keys = [rsa.generate_private_key(public_exponent=65_537, key_size=2_048) for _ in range(2)]
    pems = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() for key in keys]
    org.public_key = keys[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    async def describe(pem: str) -> int:
        asking = client(private_key=pem, username=salesforce.USERNAME)
        try:
            return (await asking.ask("GET", "/sobjects/Lead/describe")).status
        finally:
            await asking.close()

    assert 200 == asyncio.run(describe(pems[0]))
    for pem in (pems[1], "no key"):
        with pytest.raises(AuthError):
            asyncio.run(describe(pem))


def test_a_field_that_is_missing_is_named(org: salesforce.Salesforce, client: Callable[..., SalesforceClient], directory: Directory):
    """Set-up cannot make it by this API: it says which the metadata package must bring."""
    org.fields["Contact"].discard("ProX_Grade__c")

    async def set_up() -> list[str]:
        asking = client()
        sink = SalesforceSink(asking._config, directory, asking)
        missing = await sink.set_up()
        await sink.close()
        return missing

    assert ["Contact.ProX_Grade__c"] == asyncio.run(set_up())


def test_a_backfill_is_one_job(org: salesforce.Salesforce, client: Callable[..., SalesforceClient]):
    """Bulk 2.0: thousands of leads by a handful of calls, each failure with its reason."""
    leads = [f"lead-{n}" for n in range(2_500)]
    for lead in leads[1:]:
        org.add(ProX_Lead_Id__c=lead)

    async def backfill() -> bulk.BulkResult:
        asking = client()
        result = await bulk.upsert(asking, [a_score(lead) for lead in leads], poll_s=0.01)
        await asking.close()
        return result

    result = asyncio.run(backfill())

    assert (2_499, {"lead-0": "REQUIRED_FIELD_MISSING"}) == (result.written, result.refused)
    assert org.used < 10


def test_a_backfill_leaves_to_the_engine_what_jobs_cannot_do(
    org: salesforce.Salesforce, client: Callable[..., SalesforceClient], linked: Callable[..., str], directory: Directory
):
    """Who carries no id is linked, who was converted has it on the contact, a refusal has its reason, a score that moved meanwhile comes after."""
    leads = [f"lead-{n}" for n in range(2_100)]
    for lead in leads[3:]:
        org.add(ProX_Lead_Id__c=lead)
    linked("lead-0")
    org.convert(org.add(ProX_Lead_Id__c="lead-1", Email="lead-1@example.com"))
    org.add(ProX_Lead_Id__c="lead-2")
    org.invalid.add("lead-2")
    before = [a_score(lead) for lead in leads]
    after = [*before[:-1], a_score(leads[-1], sequence=2, propensity=0.9)]
    reads = iter((before, after))
    making = client()
    account = CrmAccount(TENANT, "salesforce", {}, PushRules(), matches=True, creates=False)

    done = backfill(
        account,
        SalesforceSink(making._config, directory, making),
        lambda: next(reads),
        client=client,
        values=values_of,
        share=0.5,
        clock=now_ms,
        poll_s=0.01,
    )

    assert {"FIELD_CUSTOM_VALIDATION_EXCEPTION": 1} == done.refused
    assert Reconciled(leads=3, in_step=0, mended=3, absent=0, refused=0) == done.by_engine
    contact = org.by_lead("lead-1", "Contact")
    assert [before[0].grade, before[1].grade, after[-1].grade] == [
        one["ProX_Grade__c"] for one in (org.by_lead("lead-0"), contact, org.by_lead(leads[-1]))
    ]
    assert org.used < 25


def test_the_package_brings_every_field_that_set_up_asks_for(
    org: salesforce.Salesforce, client: Callable[..., SalesforceClient], directory: Directory
):
    """Deployed into an org without any of ours, set-up misses nothing; the lead's id is the external id, and the writer may edit all of them."""
    org.fields = {kind: {name for name in names if not name.startswith("ProX")} for kind, names in org.fields.items()}
    files = package("v62.0")
    org.deploy(files)

    async def set_up() -> list[str]:
        making = client()
        sink = SalesforceSink(making._config, directory, making)
        missing = await sink.set_up()
        await sink.close()
        return missing

    assert [] == asyncio.run(set_up())
    lead = ET.fromstring(files["objects/Lead.object"])
    keys = [field for field in lead if field.findtext(f"{{{NAMESPACE}}}externalId") == "true"]
    assert ["ProX_Lead_Id__c"] == [field.findtext(f"{{{NAMESPACE}}}fullName") for field in keys]
    writer = ET.fromstring(files["permissionsets/ProX_Writer.permissionset"])
    editable = {part.findtext(f"{{{NAMESPACE}}}field") for part in writer if part.findtext(f"{{{NAMESPACE}}}editable") == "true"}
    listed = {member.text for member in ET.fromstring(files["package.xml"]).iter(f"{{{NAMESPACE}}}members")} - {"ProX_Writer", "ProX_Reader"}
    assert editable == listed
    assert 3 * len(FIELDS) - 1 == len(listed)


def test_the_official_client_is_served_too(org: salesforce.Salesforce, org_url: str):
    """The fake is no echo of our own code: simple-salesforce queries, describes and reaches collections."""
    from simple_salesforce import Salesforce  # noqa: PLC0415 - seconds of import, for one test

    org.add(Email="ada@example.com", ProX_Lead_Id__c="ada")
    org._access.add("session-0")
    official = Salesforce(instance_url=org_url, session_id="session-0", version="62.0")
    official.base_url = official.base_url.replace("https", "http")  # it knows no other
    lead = official.Lead
    lead.base_url = lead.base_url.replace("https", "http")
    found = official.query("SELECT Id, ProX_Lead_Id__c FROM Lead WHERE Email IN ('ada@example.com')")
    record = {"attributes": {"type": "Lead"}, "id": found["records"][0]["Id"], "ProX_Score__c": 7}
    written = official.restful("composite/sobjects", method="PATCH", json={"allOrNone": False, "records": [record]})

    assert ("ada", True, 7) == (found["records"][0]["ProX_Lead_Id__c"], written[0]["success"], org.by_lead("ada")["ProX_Score__c"])
    assert "ProX_Grade__c" in {each["name"] for each in lead.describe()["fields"]}
