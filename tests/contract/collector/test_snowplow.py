import base64
import json
from typing import Any

import pytest

from tests.builders import MONDAY, later
from tests.collector import KEY, Desk, key_table

TP2 = "/com.snowplowanalytics.snowplow/tp2"
SCHEMA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
VIEW = {
    "e": "pv",
    "eid": "e-1",
    "uid": "u-1",
    "duid": "d-1",
    "nuid": "n-1",
    "aid": "shop",
    "p": "web",
    "url": "https://acme.example/p?utm_source=news",
    "tv": "js-3",
}


@pytest.fixture(autouse=True)
def _keys(desk: Desk) -> None:
    desk.file.write_text(key_table(more='hosts = ["collect.acme.example"]') + key_table("other", more='app_ids = ["blog"]'), encoding="utf-8")


def payload(*events: dict[str, Any]) -> dict[str, Any]:
    return {"schema": SCHEMA, "data": list(events)}


def test_a_payload_is_accepted_by_its_host(desk: Desk):
    """The tracker sends no key: the host names the sender."""
    answer = desk.post(TP2, payload(VIEW), key=None)
    (event,) = desk.events

    assert (200, "e-1", "u-1", "d-1", "page_viewed", "web") == (
        answer.status_code,
        event.event_id,
        event.lead,
        event.anonymous_id,
        event.type,
        event.channel,
    )
    assert ("https://acme.example/p", "news", {"network_id": "n-1"}) == (
        event.context["page.url"],
        event.context["campaign.source"],
        event.identifiers,
    )


@pytest.mark.parametrize(("aid", "status"), [("blog", 200), ("else", 401)])
def test_or_by_its_application(desk: Desk, aid: str, status: int):
    """Where hosts are shared, `aid` of the first event does; an unknown one is let in by nobody."""
    assert status == desk.post(TP2, payload(VIEW | {"aid": aid}), key=None, headers={"Host": "elsewhere.example"}).status_code


def test_the_pixel_is_an_image(desk: Desk):
    """`GET /i`, also without a body."""
    answer = desk.request("GET", "/i", params=VIEW)

    assert (200, "image/gif", ["e-1"]) == (answer.status_code, answer.headers["content-type"], [event.event_id for event in desk.events])


def described(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
        "data": {"schema": f"iglu:com.acme/{name}/jsonschema/1-0-0", "data": data},
    }


@pytest.mark.parametrize("is_encoded", [False, True])
def test_a_self_describing_event_is_named_by_its_schema(desk: Desk, is_encoded: bool):
    """Plain JSON or URL-safe base64."""
    text = json.dumps(described("add_to_cart", {"sku": "a-1", "price": 2.5, "email": "ada@lovelace.example"}))
    field = {"ue_px": base64.urlsafe_b64encode(text.encode()).decode()} if is_encoded else {"ue_pr": text}
    desk.post(TP2, payload(VIEW | {"e": "ue"} | field), key=None)
    (event,) = desk.events

    assert ("add_to_cart", {"sku": "a-1", "price": 2.5}) == (event.type, event.properties)
    assert event.person is not None
    assert "ada@lovelace.example" == event.person.email


def test_device_time_is_corrected_by_sent_time(desk: Desk):
    """Dtm by stm; all three stamps stay."""
    desk.post(TP2, payload(VIEW | {"dtm": str(later(MONDAY, hours=-3)), "stm": str(later(MONDAY, hours=-2))}), key=None)
    (event,) = desk.events

    assert (later(MONDAY, hours=-1), later(MONDAY, hours=-3), later(MONDAY, hours=-2)) == (event.occurred_at, event.original_at, event.sent_at)


def test_an_anonymous_tracker_leaves_neither_address_nor_network_id(desk: Desk):
    """SP-Anonymous is obeyed, whatever the event holds."""
    desk.post(TP2, payload(VIEW | {"ip": "203.0.113.9"}), key=None, headers={"SP-Anonymous": "*"})
    (event,) = desk.events

    assert event.person is not None
    assert (None, {}) == (event.person.ip, event.identifiers)


def test_what_is_too_large_is_400_here(desk: Desk):
    """Its tracker sends again what was answered with 413."""
    desk.file.write_text(key_table(more='max_request_bytes = 2_000\nhosts = ["collect.acme.example"]'), encoding="utf-8")
    answer = desk.post(TP2, payload(*[VIEW] * 20), key=None)

    assert (400, "too_large") == (answer.status_code, answer.json()["code"])


def test_overload_is_503_here(desk: Desk):
    """It knows no 429."""
    desk.producer.refuses = "full"

    assert 503 == desk.post(TP2, payload(VIEW), key=None).status_code


@pytest.mark.parametrize(
    "bad", [{"e": "zz"}, {"e": "se", "se_ac": "x", "se_va": "much"}, {"e": "ue", "ue_pr": "{"}, {"e": "ue"}, {"co": "[]"}, {"uid": "x" * 600}]
)
def test_a_bad_event_does_not_fail_its_payload(desk: Desk, bad: dict[str, str]):
    """It is kept with its reason."""
    answer = desk.post(TP2, payload(VIEW, VIEW | bad), key=None)

    assert (200, 1, 1) == (answer.status_code, len(desk.events), len(desk.dead))


def test_a_key_in_the_query_counts_too(desk: Desk):
    """For trackers that can be given a path."""
    assert 200 == desk.post(f"{TP2}?writeKey={KEY}", payload(VIEW), key=None, headers={"Host": "elsewhere.example"}).status_code
