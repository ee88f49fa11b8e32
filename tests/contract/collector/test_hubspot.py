"""HubSpot's webhooks at the collector: signed by its own rules, answered when Kafka has them."""

import base64
import hmac
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.collector.__main__ import portals
from api.collector.hubspot import Portal, signed_uri
from infra.sealing import seal
from schemas.errors import ConfigError
from tests.builders import MONDAY, later
from tests.collector import Desk, away
from tests.fakes.hubspot_records import Webhooks
from tests.unit.infra.test_crm_accounts import NEW, settings_of

PATH = "/v1/crm/hubspot"
URL = "https://collect.acme.example/v1/crm/hubspot"
SECRET = "an-app-s-client-secret"
PORTAL = 62_515


@pytest.fixture
def app() -> Webhooks:
    """What HubSpot sends for acme's app."""
    return Webhooks(PORTAL, SECRET, URL)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.portals[PORTAL] = Portal("acme", SECRET.encode(), URL, frozenset({"dealstage", "sales_grade"}))
    return made


def deliver(desk: Desk, app: Webhooks, **options: Any) -> httpx.Response:
    body, headers = app.request(MONDAY, **options)
    return desk.post(PATH, body, key=None, headers=headers)


def test_changes_of_every_kind_are_taken_in_hubspots_own_time(desk: Desk, app: Webhooks):
    """However they are mixed in a request: sorted by when they happened, each under its record's key."""
    at = [later(MONDAY, minutes=-n) for n in range(8)]
    app.tell("contact.privacyDeletion", at[0], objectId=1)
    app.tell("contact.deletion", at[1], objectId=2)
    app.tell("contact.merge", at[2], objectId=3, primaryObjectId=3, mergedObjectIds=[4, 5], newObjectId=3, numberOfPropertiesMoved=2)
    app.tell("deal.propertyChange", at[3], objectId=77, propertyName="dealstage", propertyValue="closedwon")
    app.tell("object.propertyChange", at[4], objectId=6, objectTypeId="0-1", propertyName="lifecyclestage", propertyValue="customer")
    app.tell("contact.restore", at[5], objectId=2)
    app.tell("company.propertyChange", at[6], objectId=9, propertyName="name", propertyValue="Acme")
    app.tell("contact.propertyChange", at[7], objectId=1, propertyName="prox_grade", propertyValue="A1")

    assert 200 == deliver(desk, app).status_code
    assert [
        ("person", "2", "restored", "", ""),
        ("person", "6", "updated", "lifecyclestage", ""),
        ("deal", "77", "updated", "dealstage", ""),
        ("person", "4", "merged", "", "3"),
        ("person", "5", "merged", "", "3"),
        ("person", "2", "deleted", "", ""),
        ("person", "1", "erased", "", ""),
    ] == [(c.kind, c.record, c.change, c.field, c.into) for c in desk.changes]
    assert (at[3], MONDAY, "acme", b"acme|hubspot:deal:77") == (
        desk.changes[2].occurred_at,
        desk.changes[2].received_at,
        desk.changes[2].tenant,
        desk.producer.sent[2].key,
    )


def test_only_values_that_name_nobody_are_kept(desk: Desk, app: Webhooks):
    """A new address is read from HubSpot when it is needed; on the topic stands that there is one."""
    app.tell("contact.propertyChange", MONDAY, objectId=1, propertyName="email", propertyValue="ada@lovelace.example")
    app.tell("deal.propertyChange", MONDAY, objectId=77, propertyName="dealstage", propertyValue="closedwon")
    deliver(desk, app)

    assert {"email": "", "dealstage": "closedwon"} == {change.field: change.value for change in desk.changes}
    assert b"lovelace" not in b"".join(record.value for record in desk.producer.sent)


def test_a_change_that_comes_again_is_the_same_change(desk: Desk, app: Webhooks):
    """In one request it is taken once; in another it has the same id, whatever HubSpot's event id and attempt say."""
    for _ in range(2):
        app.tell("deal.propertyChange", MONDAY, objectId=77, propertyName="dealstage", propertyValue="closedwon")
    again = [{**app.told[0], "eventId": 99, "attemptNumber": 3}]
    deliver(desk, app)
    deliver(desk, app, events=again)

    assert (2, 1) == (len(desk.changes), len({change.change_id for change in desk.changes}))


def test_nothing_is_answered_before_kafka_has_it(desk: Desk, app: Webhooks):
    """503 has HubSpot send again; nothing was lost, nothing taken."""
    app.tell("contact.deletion", MONDAY, objectId=2)
    told = list(app.told)
    desk.producer.error = away()
    answer = deliver(desk, app)
    desk.producer.error = None

    assert (503, "2") == (answer.status_code, answer.headers["Retry-After"])
    assert (200, 1) == (deliver(desk, app, events=told).status_code, len(desk.changes))


@pytest.mark.parametrize("forged", ["secret", "body", "stamp", "address", "signature", "missing"])
def test_what_the_app_did_not_sign_is_refused(desk: Desk, app: Webhooks, forged: str):
    """By its secret, over method, address, body and stamp: 401 and nothing kept."""
    app.tell("contact.deletion", MONDAY, objectId=2)
    if forged == "secret":
        app.secret = "another-app-s-secret"
    body, headers = app.request(MONDAY, signed_url=URL + "?x=1" if forged == "address" else None)
    match forged:
        case "body":
            body = body.replace(b'"objectId": 2', b'"objectId": 3')
        case "stamp":
            headers["X-HubSpot-Request-Timestamp"] = str(MONDAY + 1)
        case "signature":
            headers["X-HubSpot-Signature-v3"] = base64.b64encode(b"0" * 32).decode()
        case "missing":
            headers = {}
    answer = desk.post(PATH, body, key=None, headers=headers)

    assert (401, "forged", []) == (answer.status_code, answer.json()["code"], desk.producer.sent)


@pytest.mark.parametrize(("age_ms", "expected"), [(299_999, 200), (300_001, 401), (-4_000, 200), (-60_000, 401)])
def test_a_stamp_is_good_for_five_minutes_and_not_ahead_of_time(desk: Desk, app: Webhooks, age_ms: int, expected: int):
    """But for what two clocks may be apart: HubSpot never sends again what was answered with 401."""
    app.tell("contact.deletion", MONDAY, objectId=2)
    body, headers = app.request(MONDAY - age_ms)

    assert expected == desk.post(PATH, body, key=None, headers=headers).status_code


def test_the_address_is_the_one_that_the_app_knows(desk: Desk):
    """Behind a proxy the request's own is another; and HubSpot decodes some escapes before it signs, but not others."""
    url = "https://edge.example/hubspot?to=a%3Ab%2Fc&more=d%20e"
    desk.portals[PORTAL] = Portal("acme", SECRET.encode(), url, frozenset())
    app = Webhooks(PORTAL, SECRET, url)
    app.tell("contact.deletion", MONDAY, objectId=2)
    told = list(app.told)

    assert "https://edge.example/hubspot?to=a:b/c&more=d%20e" == signed_uri(url)
    assert 200 == deliver(desk, app, signed_url="https://edge.example/hubspot?to=a:b/c&more=d%20e").status_code
    assert 401 == deliver(desk, app, events=told, signed_url=url).status_code


def test_the_official_librarys_signature_is_ours(desk: Desk, app: Webhooks):
    """HubSpot's own helper signs a request that is taken."""
    from hubspot.utils.signature import Signature  # noqa: PLC0415 - seconds of import, for one test

    app.tell("contact.deletion", MONDAY, objectId=2)
    body, headers = app.request(MONDAY)
    official = Signature.get_signature(SECRET, body.decode(), "v3", URL, "POST", str(MONDAY))

    assert official == headers["X-HubSpot-Signature-v3"]
    assert 200 == desk.post(PATH, body, key=None, headers=headers | {"X-HubSpot-Signature-v3": official}).status_code


def test_each_account_is_its_own_tenants(desk: Desk, app: Webhooks):
    """An app that two tenants installed sends for both; what it sends for a stranger is left out, and a stranger alone is refused."""
    desk.portals[7] = Portal("globex", SECRET.encode(), URL, frozenset())
    other = Webhooks(7, SECRET, URL)
    stranger = Webhooks(8, SECRET, URL)
    events = [one.tell("contact.deletion", MONDAY, objectId=2) for one in (app, other, stranger)]

    assert 200 == deliver(desk, app, events=events).status_code
    assert ["acme", "globex"] == sorted(change.tenant for change in desk.changes)
    assert 401 == deliver(desk, stranger, events=events[2:]).status_code


def test_one_tenants_secret_does_not_speak_for_another(desk: Desk, app: Webhooks):
    """A request that names both must be signed as both would."""
    desk.portals[7] = Portal("globex", b"globex-has-its-own-app", URL, frozenset())
    events = [app.tell("contact.deletion", MONDAY, objectId=2), {**app.told[0], "portalId": 7}]

    assert 401 == deliver(desk, app, events=events).status_code
    assert [] == desk.producer.sent


@pytest.mark.parametrize("wrong", [{"occurredAt": "now"}, {"subscriptionType": 5}, {"objectId": None}, {"subscriptionType": "contact.merge"}])
def test_a_change_that_says_nothing_is_a_dead_letter(desk: Desk, app: Webhooks, wrong: dict[str, Any]):
    """Whole, and the others of its request are taken."""
    app.tell("contact.deletion", MONDAY, objectId=2)
    app.tell("contact.deletion", MONDAY, objectId=3)
    app.told[0] |= wrong

    assert (200, 1, 1) == (deliver(desk, app).status_code, len(desk.changes), len(desk.dead))
    assert "collector.hubspot" == desk.dead[0].stage


@pytest.mark.parametrize("body", [b"{}", b"[]", b"[1]", b"null", b'[{"portalId": true}]', b'[{"portalId": "62515"}]', b"[[]]"])
def test_what_is_no_delivery_is_refused(desk: Desk, body: bytes):
    """Before anything is believed of it."""
    stamp = str(MONDAY)
    signature = base64.b64encode(hmac.new(SECRET.encode(), b"POST" + URL.encode() + body + stamp.encode(), sha256).digest()).decode()
    headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}

    assert desk.post(PATH, body, key=None, headers=headers).status_code in (400, 401)
    assert [] == desk.producer.sent


def test_accounts_come_from_the_tenants_file(tmp_path: Path):
    """With their secrets opened, and two tenants never at one portal."""
    secret, token = seal(SECRET, NEW), seal("pat-7", NEW)

    def table(tenant: str) -> str:
        back = f'back = {{ portal_id = {PORTAL}, webhook_url = "{URL}", override_field = "sales_grade" }}'
        return f'[{tenant}.crm.hubspot]\naccess_token = "{token}"\nclient_secret = "{secret}"\n{back}\n'

    found = portals(settings_of(tmp_path, table("acme")))

    assert Portal("acme", SECRET.encode(), URL, frozenset({"dealstage", "lifecyclestage", "sales_grade"})) == found[PORTAL]
    with pytest.raises(ConfigError, match="globex and acme have the same portal_id"):
        portals(settings_of(tmp_path, table("acme") + table("globex")))
