import gzip
import json
from typing import Any

import httpx
import pytest

from schemas.event import ACCOUNT_UPDATED, ALIASED, OBSERVATION, PROFILE_UPDATED
from schemas.pseudonym import pseudonym
from tests.builders import MONDAY, TENANT, later
from tests.collector import KEY, SECRET, Desk, away, key_table

TRACK: dict[str, Any] = {"type": "track", "event": "Order Completed", "messageId": "m-1", "userId": "u-1", "properties": {"total": 12.5}}


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"])
def test_a_batch_is_accepted_with_200(desk: Desk, path: str):
    """200 and no other: two clients send again what was answered with 201, 202 or 204."""
    answer = desk.post(path, {"batch": [TRACK]})

    assert (200, {"success": True}, ["m-1"]) == (answer.status_code, answer.json(), [event.event_id for event in desk.events])


@pytest.mark.parametrize(
    ("paths", "call", "type_", "channel"),
    [
        (("track", "t"), {"event": "Order Completed"}, "order_completed", "server"),
        (("page", "p"), {"name": "Prices"}, "page_viewed", "web"),
        (("screen", "s"), {"name": "Home"}, "screen_viewed", "mobile"),
        (("identify", "i"), {"traits": {"plan": "pro"}}, PROFILE_UPDATED, "profile"),
        (("group", "g"), {"groupId": "a-1"}, ACCOUNT_UPDATED, OBSERVATION),
        (("alias", "a"), {"previousId": "anon-1"}, ALIASED, OBSERVATION),
    ],
)
def test_each_call_has_its_path_and_its_short_one(desk: Desk, paths: tuple[str, str], call: dict[str, Any], type_: str, channel: str):
    """What the SDKs of servers and of browsers post is the same event."""
    statuses = [desk.post(f"/v1/{path}", {"userId": "u-1", **call}).status_code for path in paths]

    assert [200, 200] == statuses
    assert [(type_, channel)] * 2 == [(event.type, event.channel) for event in desk.events]


@pytest.mark.parametrize(
    "options",
    [
        {"auth": (KEY, "")},
        {"headers": {"Authorization": f"Bearer {KEY}"}},
        {"json": {"batch": [TRACK], "writeKey": KEY}},
        {"params": {"writeKey": KEY}},
    ],
    ids=["basic", "bearer", "body", "query"],
)
def test_a_key_may_stand_in_four_places(desk: Desk, options: dict[str, Any]):
    """Each client sends it elsewhere."""
    answer = desk.request("POST", "/v1/batch", **({"json": {"batch": [TRACK]}} | options))

    assert (200, 1) == (answer.status_code, len(desk.events))


@pytest.mark.parametrize("auth", [("wrong", ""), ("", ""), None])
def test_without_a_known_key_nobody_is_let_in(desk: Desk, auth: tuple[str, str] | None):
    """401 with code and message; nothing is kept."""
    answer = desk.request("POST", "/v1/batch", json={"batch": [TRACK]}, auth=auth)

    assert (401, {"code", "message"}, []) == (answer.status_code, set(answer.json()), desk.producer.sent)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "image/png"])
def test_the_media_type_is_not_looked_at(desk: Desk, content_type: str):
    """Browsers send text/plain, RudderStack's Node SDK a form's."""
    answer = desk.post("/v1/batch", gzip.compress(json.dumps({"batch": [TRACK]}).encode()), headers={"Content-Type": content_type})

    assert (200, 1) == (answer.status_code, len(desk.events))


def test_a_bad_event_does_not_fail_its_batch(desk: Desk):
    """Events are judged one by one: the bad one is kept whole with its reason, and its sender has nothing to do."""
    bad = [{"type": "track", "event": "X"}, {"type": "dance", "userId": "u"}, 7, {"type": "track", "userId": "u", "properties": []}]
    answer = desk.post("/v1/batch", {"batch": [TRACK, *bad]})

    assert (200, 1) == (answer.status_code, len(desk.events))
    assert bad == [json.loads(letter.value) for letter in desk.dead]
    assert ["no_user_anon_id", "invalid", "invalid", "invalid"] == [letter.reason for letter in desk.dead]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/batch", b"{", "not_json"),
        ("/v1/batch", b"", "not_json"),
        ("/v1/batch", b"\xff\xfe{\x00}\x00", "not_json"),
        ("/v1/batch", b"[" * 100_000, "not_json"),
        ("/v1/batch", b'{"batch": []}', "no_events"),
        ("/v1/batch", b'{"batch": {}}', "no_events"),
        ("/v1/batch", b"7", "no_events"),
        ("/v1/track", b'{"event": "X"}', "no_user_anon_id"),
        ("/v1/track", b"[]", "not_json"),
        ("/v1/batch", b"\x1f\x8b\x08\x00oops", "not_gzip"),
    ],
)
def test_what_can_never_succeed_is_refused_for_good(desk: Desk, path: str, body: bytes, code: str):
    """400 with code and message: one attempt, then the client drops it."""
    answer = desk.post(path, body)

    assert (400, code, {"code", "message"}) == (answer.status_code, answer.json()["code"], set(answer.json()))


def test_occurred_at_is_corrected_by_the_senders_own_clock(desk: Desk):
    """Received - (sent - original): a clock that is an hour slow does not matter, the time that passed on it does."""
    slow = later(MONDAY, hours=-1)
    desk.post("/v1/batch", {"batch": [TRACK | {"timestamp": later(slow, minutes=-5)}], "sentAt": slow})
    (event,) = desk.events

    assert (later(MONDAY, minutes=-5), later(slow, minutes=-5), slow, False) == (
        event.occurred_at,
        event.original_at,
        event.sent_at,
        event.is_clamped,
    )


@pytest.mark.parametrize("stamp", ["2099-01-01T00:00:00Z", "1970-01-02T00:00:00Z"])
def test_an_absurd_clock_is_clamped_and_marked(desk: Desk, stamp: str):
    """One wrong clock must not move everyone's time: the arrival stands in, the stamp stays."""
    desk.post("/v1/batch", {"batch": [TRACK | {"timestamp": stamp}]})
    (event,) = desk.events

    assert (MONDAY, True, True) == (event.occurred_at, event.is_clamped, event.original_at is not None)


def test_what_names_a_person_stays_in_the_person_record(desk: Desk):
    """No key, property, context or id holds an address; hashes join."""
    address = "Ada@Lovelace.example"
    call = {
        "userId": address,
        "traits": {"email": address, "name": "Ada L", "phone": "+44 20 7946 0000", "plan": "pro", "note": f"write to {address}"},
        "context": {"ip": "203.0.113.77", "page": {"url": f"https://acme.example/?email={address}&utm_source=news", "title": f"of {address}"}},
    }
    desk.post("/v1/identify", call)
    (event,) = desk.events
    (record,) = desk.producer.sent
    hashed = pseudonym(SECRET, TENANT, "email", address.lower())

    assert event.person is not None
    assert (address, "+44 20 7946 0000", "Ada L", "203.0.113.0") == event.person[:4]
    assert json.loads(event.person.original or "") == call
    assert f"email:{hashed}" == event.lead == event.user_id
    assert hashed == event.identifiers["email"]
    assert {"plan": "pro"} == event.properties
    assert "news" == event.context["campaign.source"]
    rest = str(event._replace(person=None)).lower() + record.key.decode().lower()
    assert not any(part in rest for part in ("lovelace", "7946", "203.0.113", "ada l"))


def test_consent_and_gpc_are_stamped(desk: Desk):
    """Nothing stated is not the same as everything refused; a browser's header counts."""
    for context in ({}, {"consent": {"categoryPreferences": {}}}, {"consent": {"categoryPreferences": {"ads": True, "mail": False}}}):
        desk.post("/v1/track", TRACK | {"context": context}, headers={"Sec-GPC": "1"} if context else {})

    assert [({}, False, False), ({}, True, True), ({"ads": True, "mail": False}, True, True)] == [
        (event.consent, event.is_consent_stated, event.gpc) for event in desk.events
    ]


def test_what_a_batch_shares_counts_for_each_event(desk: Desk):
    """Batch-level context is merged; the event's own wins."""
    batch = [TRACK, TRACK | {"context": {"locale": "fr"}}]
    desk.post("/v1/batch", {"batch": batch, "context": {"locale": "en", "library": {"name": "analytics.js"}}})

    assert [("en", "web"), ("fr", "web")] == [(event.context["locale"], event.channel) for event in desk.events]


def test_an_alias_names_both(desk: Desk):
    """Stitching reads the old and the new id."""
    desk.post("/v1/alias", {"previousId": "anon-1", "userId": "u-1"})
    (event,) = desk.events

    assert ("anon-1", "u-1", "u-1") == (event.previous_id, event.user_id, event.lead)


def test_ids_of_crms_and_groups_travel_with_the_event(desk: Desk):
    """From traits, external ids and the context."""
    context = {"externalIds": [{"type": "hubspot", "id": "51"}, {"type": "GA", "id": "7"}], "groupId": "acc-1"}
    desk.post("/v1/identify", {"userId": "u", "traits": {"salesforceId": "00Q5"}, "context": context})
    (event,) = desk.events

    assert ({"crm.hubspot": "51", "external.ga": "7", "crm.salesforce": "00Q5"}, "acc-1") == (event.identifiers, event.account_id)


def test_without_an_id_each_event_is_its_own(desk: Desk):
    """The collector makes an id where the sender made none."""
    for _ in range(2):
        desk.post("/v1/track", {"event": "X", "userId": "u"})

    assert 2 == len({event.event_id for event in desk.events})


@pytest.mark.parametrize("status", ["refused", "given up"])
def test_kafka_away_is_429_with_a_whole_number_of_seconds(desk: Desk, status: str):
    """Clients hold the events and come back; 429 with Retry-After costs them no try."""
    if status == "refused":
        desk.producer.refuses = "the queue is full"
    else:
        desk.producer.error = away()
    answer = desk.post("/v1/batch", {"batch": [TRACK]})

    assert (429, True, {"code", "message"}) == (answer.status_code, answer.headers["retry-after"].isdigit(), set(answer.json()))


def test_a_spent_quota_is_429_for_as_long_as_it_takes(desk: Desk):
    """The key's own rate, and no other key's."""
    desk.file.write_text(key_table(more="events_per_s = 1.0\nburst = 2") + key_table("other"), encoding="utf-8")
    answers = [desk.post("/v1/batch", {"batch": [TRACK] * 12}) for _ in range(2)]
    other = desk.post("/v1/batch", {"batch": [TRACK]}, key="other")

    assert [200, 429, 200] == [answer.status_code for answer in (*answers, other)]
    assert 8 <= int(answers[1].headers["retry-after"]) <= 11


def test_an_event_that_is_too_large_is_kept_and_told(desk: Desk):
    """32 KB an event: in a batch it becomes a dead letter, alone it is refused."""
    large = TRACK | {"properties": {"x": "y" * 33_000}}

    assert (200, 413) == (desk.post("/v1/batch", {"batch": [large]}).status_code, desk.post("/v1/track", large).status_code)
    assert ["too_large"] == [letter.reason for letter in desk.dead]


@pytest.mark.parametrize("is_gzip", [False, True])
def test_a_batch_that_is_too_large_is_413(desk: Desk, is_gzip: bool):
    """Also when only inflating shows it."""
    desk.file.write_text(key_table(more="max_request_bytes = 512_000"), encoding="utf-8")
    body = json.dumps({"batch": [TRACK], "padding": "x" * 512_000}).encode()
    answer = desk.post("/v1/batch", gzip.compress(body) if is_gzip else body, headers={"Content-Encoding": "gzip"} if is_gzip else {})

    assert (413, "too_large", []) == (answer.status_code, answer.json()["code"], desk.producer.sent)


def test_a_zip_bomb_is_refused_while_it_is_small(desk: Desk):
    """A gigabyte of zeros in a megabyte: inflating stops at the limit."""
    bomb = gzip.compress(b"0" * 50_000_000)
    answer = desk.post("/v1/batch", bomb, headers={"Content-Encoding": "gzip"})

    assert (413, []) == (answer.status_code, desk.producer.sent)


def test_too_many_events_are_413(desk: Desk):
    """2,500 a request."""
    assert 413 == desk.post("/v1/batch", {"batch": [{}] * 2_501}).status_code


@pytest.mark.parametrize("path", ["/v1/track", "/v1/t", "/v1/batch", "/v1/projects/k/settings", "/i"])
def test_browsers_may_ask_from_anywhere(desk: Desk, path: str):
    """The preflight allows the headers that the SDKs send."""
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answer = desk.request("OPTIONS", path, headers=headers)

    assert (200, "https://shop.example") == (answer.status_code, answer.headers["access-control-allow-origin"])
    assert {"Authorization", "Content-Type", "X-Retry-Count"} <= set(answer.headers["access-control-allow-headers"].split(", "))


def test_the_browsers_sdk_gets_its_settings(desk: Desk):
    """It asks where to send before it sends."""
    answer = desk.request("GET", f"/v1/projects/{KEY}/settings")

    assert "collect.acme.example/v1" == answer.json()["integrations"]["Segment.io"]["apiHost"]
    assert 404 == desk.request("GET", "/v1/projects/none/settings").status_code


def test_a_pixel_takes_a_call_in_its_query(desk: Desk):
    """Where no script runs: an image, with RudderStack's names or Segment's data."""
    named = {"writeKey": KEY, "anonymousId": "a-1", "event": "Mail Opened", "properties.campaign": "spring"}
    answer = desk.request("GET", "/pixel/v1/track", params=named)
    desk.request("GET", f"/pixel/v1/track?writeKey={KEY}&data=eyJldmVudCI6IlgiLCJ1c2VySWQiOiJ1In0")

    assert (200, "image/gif") == (answer.status_code, answer.headers["content-type"])
    assert [("mail_opened", "a-1"), ("x", "u")] == [(event.type, event.lead) for event in desk.events]
    assert {"campaign": "spring"} == desk.events[0].properties


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/batch", 405), ("POST", "/nowhere", 404), ("DELETE", "/v1/track", 405)])
def test_other_errors_have_the_same_shape(desk: Desk, method: str, path: str, status: int):
    """`{"detail": ...}` would make two clients retry."""
    answer: httpx.Response = desk.request(method, path)

    assert (status, {"code", "message"}) == (answer.status_code, set(answer.json()))


def test_a_key_taken_out_of_the_file_stops(desk: Desk):
    """Without a restart."""
    ticks = iter(range(0, 1_000, 10))
    desk.app = type(desk.app)(lambda: desk._parts()._replace(keys=type(desk._parts().keys)(desk.file, lambda: float(next(ticks)))))
    before = desk.post("/v1/batch", {"batch": [TRACK]}).status_code
    desk.file.write_text(key_table("other"), encoding="utf-8")

    assert (200, 401) == (before, desk.post("/v1/batch", {"batch": [TRACK]}).status_code)


def test_a_rate_that_is_changed_in_the_file_holds_at_once(desk: Desk):
    """Without a restart, as the key itself."""
    ticks = iter(range(0, 1_000, 10))
    desk.app = type(desk.app)(lambda: desk._parts()._replace(keys=type(desk._parts().keys)(desk.file, lambda: float(next(ticks)))))
    desk.file.write_text(key_table(more="events_per_s = 0.1\nburst = 1"), encoding="utf-8")
    spent = [desk.post("/v1/batch", {"batch": [TRACK] * 2}).status_code for _ in range(2)]
    desk.file.write_text(key_table(more="events_per_s = 1000.0"), encoding="utf-8")

    assert [200, 429, 200] == [*spent, desk.post("/v1/batch", {"batch": [TRACK]}).status_code]
