"""HubSpot's sink against a fake that keeps the vendor's contract: one hazard each."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from connectors.crm.addresses import AWAY
from connectors.crm.contract import Answer, Answered, Item, Request, Stage, Verdict
from connectors.crm.delivery.rules import PushRules
from connectors.crm.fields import values_of
from connectors.hubspot.sink import HubSpotSink
from infra.crm.accounts import CrmAccount
from infra.crm.reconcile import Reconciled, reconcile
from jobs.operators.wall_clock import now_ms
from schemas.errors import AuthError, DoubtfulError, ProxError, QuotaSpentError, RateLimitedError, TenantBlockedError
from tests.builders import TENANT
from tests.contract.crm.conftest import Directory
from tests.crm_runs import Run, statuses
from tests.fakes import hubspot
from tests.fakes.faults import Fault
from tests.results import a_score

OAUTH = {"client_id": hubspot.CLIENT_ID, "client_secret": hubspot.CLIENT_SECRET, "refresh_token": hubspot.REFRESH, "daily": None}
Make = Callable[..., HubSpotSink]


@pytest.fixture
def run(hub_sink: Make) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(*, creates: bool = False, **given: object) -> Run:
        sink = hub_sink(creates=creates, **given)
        set_up(sink)
        runs.append(Run(sink, creates=creates))
        return runs[-1]

    yield start
    for one in runs:
        one.close()


def set_up(sink: HubSpotSink) -> None:
    """In a loop of its own, whose connections end with it."""

    async def go() -> None:
        await sink.set_up()
        await sink._client._http.aclose()

    asyncio.run(go())
    sink._client = type(sink._client)(sink._client._config)


def send(sink: HubSpotSink, stage: Stage, *leads: str, **records: str) -> Answered | ProxError:
    """What comes of one request of these leads, and of those that have a record."""

    async def go() -> Answered | ProxError:
        items = tuple(Item(lead, a_score(lead), records.get(lead, ""), lead) for lead in (*leads, *records))
        try:
            return await sink.send(Request(1, stage, items, 0))
        except ProxError as exc:
            return exc
        finally:
            await sink.close()

    return asyncio.run(go())


def test_the_vendors_contract_is_at_hand():
    """Without the vendor's documents the fake validates nothing: say so."""
    if not hubspot.CONTRACTS.is_dir():
        pytest.skip(f"no OpenAPI documents in {hubspot.CONTRACTS}: point TEST_CONTRACTS at the folder that holds hubspot/")

    assert len(hubspot.contract()) > 20


def test_a_lead_is_linked_by_its_address_and_then_written_by_its_id(hub: hubspot.HubSpot, directory: Directory, run: Callable[..., Run]):
    """Nothing is created: the contact that people made carries the score, and keeps what people wrote."""
    record = hub.add(email="ada@example.com", lastname="Lovelace")
    directory.known["ada"] = "Ada@example.com"
    pushing = run()

    first = pushing.push(a_score("ada", sequence=1, propensity=0.2))
    second = pushing.push(a_score("ada", sequence=2, propensity=0.8))

    assert ["delivered", "delivered"] == [one.report.status for one in first + second]
    assert [record] == list(hub.contacts)
    contact = hub.contacts[record]
    assert ("Lovelace", "ada", "80", "A3") == tuple(contact[name] for name in ("lastname", "prox_lead_id", "prox_score", "prox_grade"))
    assert ("recency", "visits") == (contact["prox_reasons_for"], contact["prox_reasons_against"])


def test_a_lead_that_hubspot_does_not_have_is_created_only_if_the_tenant_says_so(hub: hubspot.HubSpot, run: Callable[..., Run]):
    """Off by default: the push is skipped and reported."""
    assert {"ada": ("skipped", "no_address")} == statuses(run().push(a_score("ada")))
    assert {} == hub.contacts

    assert {"ada": ("delivered", "")} == statuses(run(creates=True).push(a_score("ada")))
    assert "40" == hub.by_lead("ada")["prox_score"]


def test_a_created_contact_has_the_leads_address(hub: hubspot.HubSpot, directory: Directory, run: Callable[..., Run]):
    """Where it was looked for, and not on what is written later; without a look it might be another contact's."""
    directory.known |= {"ada": "ada@example.com", "bob": "bob@example.com"}
    pushing = run(creates=True)
    pushing.push(a_score("ada", sequence=1, propensity=0.2))
    hub.by_lead("ada")["email"] = "countess@example.com"
    pushing.push(a_score("ada", sequence=2, propensity=0.8))
    run(creates=True, matches=False).push(a_score("bob"))

    assert ("countess@example.com", None) == tuple(hub.by_lead(lead).get("email") for lead in ("ada", "bob"))
    assert "ada@example.com" == next(properties["email"] for _, properties in hub.writes if properties["prox_lead_id"] == "ada")


def test_addresses_that_are_away_delay_a_push_and_the_account_stays_open(hub: hubspot.HubSpot, directory: Directory, run: Callable[..., Run]):
    """Nothing is looked for and nothing created without them, and it is not the CRM that is away."""
    directory.known["ada"] = "ada@example.com"
    directory.is_away += [True, False, True]
    pushing = run(creates=True)

    assert {"ada": ("delivered", "")} == statuses(pushing.push(a_score("ada")))
    assert "ada@example.com" == hub.by_lead("ada")["email"]
    assert ([], 0) == (directory.is_away, pushing.delivery.standing(pushing.now()).failures)


def test_known_contacts_are_written_while_addresses_are_away(hub: hubspot.HubSpot, hub_sink: Make, directory: Directory, run: Callable[..., Run]):
    """Only a contact that is to be created needs an address: it waits, and who shares its request does not."""
    run(creates=True).push(a_score("ada"))
    (record,) = hub.contacts
    directory.is_away.append(True)

    answered = send(hub_sink(creates=True), Stage.WRITE, "bob", ada=record)

    assert isinstance(answered, Answered)
    assert [AWAY, Answer(Verdict.DONE, record=record)] == answered.answers
    assert ["ada", "ada"] == [properties["prox_lead_id"] for _, properties in hub.writes]


def test_a_part_of_a_batch_is_refused(hub: hubspot.HubSpot, run: Callable[..., Run]):
    """207: each item's fate is its own, by its trace id."""
    hub.invalid.add("bob")
    hub.faults.records_locked.add("eve")

    ended = run(creates=True).push(*(a_score(lead) for lead in ("ada", "bob", "eve")))

    assert {"ada": ("delivered", ""), "bob": ("refused", "validation_error"), "eve": ("delivered", "")} == statuses(ended)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.EXPIRED])
def test_a_fault_delays_a_push_and_loses_nothing(hub: hubspot.HubSpot, run: Callable[..., Run], fault: Fault):
    """Whether the write was done or not: at the end it is there, and once."""
    pushing = run(creates=True)
    hub.faults.coming += [None, fault, fault]

    assert {"ada": ("delivered", "")} == statuses(pushing.push(a_score("ada")))
    assert 2 == hub.faults.met[fault]
    assert 1 == len(hub.contacts)


def test_an_expired_token_is_renewed_once_for_all(hub: hubspot.HubSpot, run: Callable[..., Run]):
    """By one request to the token endpoint, whoever else waits."""
    pushing = run(creates=True, **OAUTH)
    pushing.push(a_score("ada"))
    given = hub.tokens_given
    hub.faults.coming.append(Fault.EXPIRED)

    pushing.push(*(a_score(f"lead-{n}") for n in range(350)))

    assert given + 1 == hub.tokens_given
    assert 351 == len(hub.contacts)


def test_a_revoked_token_blocks_the_account_and_keeps_what_is_due(hub: hubspot.HubSpot, run: Callable[..., Run]):
    """Until the credentials change; the message names no secret."""
    pushing = run(creates=True)
    hub.faults.is_revoked = True
    pushing.delivery.offer(a_score("ada"), pushing.now())
    pushing.until(lambda: pushing.delivery.standing(pushing.now()).state == "unauthorized")
    standing = pushing.delivery.standing(pushing.now())

    assert (1, True, False) == (standing.pending, "revoked" in standing.reason, hubspot.TOKEN in standing.reason)

    hub.faults.is_revoked = False
    pushing.delivery.reopen()
    assert {"ada": ("delivered", "")} == statuses(pushing.push())


@pytest.mark.parametrize(
    ("fault", "error", "waits_s"),
    [
        (Fault.THROTTLED, RateLimitedError, 1.0),
        (Fault.THROTTLED_MUTE, RateLimitedError, None),
        (Fault.QUOTA_SPENT, QuotaSpentError, 2.0),
        (Fault.UNAVAILABLE, DoubtfulError, 1.0),
        (Fault.RESET_AFTER, DoubtfulError, None),
    ],
)
def test_an_errors_type_says_what_to_do(hub: hubspot.HubSpot, hub_sink: Make, fault: Fault, error: type[ProxError], waits_s: float | None):
    """Status and policy become our errors, with HubSpot's own delay."""
    hub.faults.coming.append(fault)
    raised = send(hub_sink(), Stage.LOOK, "ada")

    assert (error, waits_s) == (type(raised), getattr(raised, "retry_after_s", None))


def test_a_missing_property_blocks_the_account(hub: hubspot.HubSpot, hub_sink: Make, run: Callable[..., Run]):
    """Somebody removed a field: no lead is at fault, and set-up mends it."""
    run()
    del hub.properties["prox_grade"]

    assert TenantBlockedError is type(send(hub_sink(creates=True), Stage.WRITE, "ada"))
    sink = hub_sink()
    set_up(sink)
    assert "prox_grade" in hub.properties


@pytest.mark.usefixtures("hub")
def test_a_token_of_another_account_is_an_auth_error(hub_sink: Make):
    """And the refresh token's refusal, too."""
    assert AuthError is type(send(hub_sink(access_token="wrong"), Stage.LOOK, "ada"))
    assert AuthError is type(send(hub_sink(**(OAUTH | {"refresh_token": "wrong"})), Stage.LOOK, "ada"))


def test_a_merged_lead_is_never_written_over_another(hub: hubspot.HubSpot, directory: Directory, run: Callable[..., Run]):
    """After a merge one record is left, and one lead's: the other's push is refused with its reason."""
    pushing = run()
    for lead in ("ada", "bob"):
        hub.add(email=f"{lead}@example.com")
        directory.known[lead] = f"{lead}@example.com"
    pushing.push(a_score("ada"), a_score("bob"))
    kept, gone = hub.contacts
    hub.contacts[kept] |= {"hs_additional_emails": "bob@example.com"}
    del hub.contacts[gone]

    ended = pushing.push(a_score("bob", sequence=2, propensity=0.9))

    assert {"bob": ("refused", "record_of_another_lead")} == statuses(ended)
    assert "ada" == hub.contacts[kept]["prox_lead_id"]


def test_a_deleted_contact_is_not_made_again(hub: hubspot.HubSpot, directory: Directory, run: Callable[..., Run]):
    """It is looked for once more, and then left alone."""
    pushing = run()
    hub.add(email="ada@example.com")
    directory.known["ada"] = "ada@example.com"
    pushing.push(a_score("ada"))
    hub.contacts.clear()

    assert {"ada": ("skipped", "not_in_crm")} == statuses(pushing.push(a_score("ada", sequence=2, propensity=0.9)))
    assert {} == hub.contacts


def test_an_erasure_never_blocks_an_unknown_address(hub: hubspot.HubSpot, hub_sink: Make, run: Callable[..., Run]):
    """A contact is looked up by our id and deleted by its own; twice is once, and whoever is not there stays untouched."""
    run()
    hub.add(email="ada@example.com", prox_lead_id="ada")
    bob = hub.add(email="bob@example.com")
    sink = hub_sink()

    async def erase() -> list[bool]:
        done = [await sink.erase(lead) for lead in ("ada", "ada", "nil")]
        await sink.close()
        return done

    assert [True, False, False] == asyncio.run(erase())
    assert ([bob], set()) == (list(hub.contacts), hub.blocklist)


def test_a_reconciler_mends_what_differs_and_nothing_else(hub: hubspot.HubSpot, hub_sink: Make):
    """A grade that somebody overwrote and one that was never pushed are mended; a later one, and what is right, are left alone."""
    hub.set_up()
    scores = [a_score(lead, sequence=2) for lead in ("right", "edited", "stale", "later", "absent")]
    shown = {"right": scores[0], "edited": scores[1], "stale": a_score("stale", propensity=0.9), "later": a_score("later", sequence=3)}
    for lead, score in shown.items():
        values = {f"prox_{name}": str(value) for name, value in values_of(score).items()}
        hub.add(prox_lead_id=lead, **(values | ({"prox_grade": "A1"} if lead == "edited" else {})))
    sink = hub_sink()
    account = CrmAccount(TENANT, "hubspot", {}, PushRules(), matches=True, creates=False)

    found = reconcile(account, sink, scores, share=0.5, clock=now_ms)

    assert Reconciled(leads=5, in_step=2, mended=2, absent=1, refused=0) == found
    assert 0.5 == found.drift_ratio
    assert {"edited": scores[1].grade, "stale": scores[2].grade} == {written["prox_lead_id"]: written["prox_grade"] for _, written in hub.writes}


def test_set_up_twice_changes_nothing(hub: hubspot.HubSpot, run: Callable[..., Run]):
    """Group and properties are made once; the lead's id is unique."""
    run()
    first = dict(hub.properties)
    run()

    assert first == hub.properties
    assert (True, False) == (first["prox_lead_id"]["hasUniqueValue"], first["prox_grade"]["hasUniqueValue"])


def test_the_official_client_is_served_too(hub: hubspot.HubSpot, hub_url: str):
    """The fake is no echo of our own code: HubSpot's own client upserts, reads, gets 207 and makes properties."""
    from hubspot import HubSpot  # noqa: PLC0415 - seconds of import, for one test
    from hubspot.crm import contacts, properties  # noqa: PLC0415

    official = HubSpot(access_token=hubspot.TOKEN)
    official.config["host"] = hub_url
    groups, core = official.crm.properties.groups_api, official.crm.properties.core_api
    batch = official.crm.contacts.batch_api
    for api in (groups, core, batch):
        api.api_client.configuration.host = hub_url
    groups.create("contacts", properties.PropertyGroupCreate(name="prox", label="ProX"))
    core.create(
        "contacts",
        properties.PropertyCreate(name="prox_lead_id", label="id", type="string", field_type="text", group_name="prox", has_unique_value=True),
    )
    inputs = [
        contacts.SimplePublicObjectBatchInputUpsert(
            id=lead, id_property="prox_lead_id", properties={"prox_lead_id": lead}, object_write_trace_id=f"t-{lead}"
        )
        for lead in ("ada", "bob")
    ]
    hub.invalid.add("bob")
    written = batch.upsert(contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs))
    wanted = [contacts.SimplePublicObjectId(id="ada"), contacts.SimplePublicObjectId(id="nil")]
    read = batch.read(
        contacts.BatchReadInputSimplePublicObjectId(
            id_property="prox_lead_id", inputs=wanted, properties=["prox_lead_id"], properties_with_history=[]
        )
    )

    assert (1, ["t-bob"]) == (written.num_errors, written.errors[0].context["objectWriteTraceId"])
    assert ["ada"] == [result.properties["prox_lead_id"] for result in read.results]
    assert "prox_lead_id" in {each.name for each in core.get_all("contacts").results}
