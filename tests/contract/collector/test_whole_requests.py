import json
from typing import Any

import pytest

from models.collecting.requests import events_of
from schemas.event import Event
from tests.builders import TENANT
from tests.collector import SECRET, Desk, away, key_table

MANY = 11
"""One more than is read at once."""


def a_segment(n: int) -> dict[str, Any]:
    return {"type": "track", "event": "Viewed", "userId": "ada@lovelace.example", "messageId": f"m-{n}"}


PROTOCOLS: dict[str, tuple[str, str, Any, dict[str, str]]] = {
    "segment": ("segment", "/v1/batch", {"batch": [a_segment(n) for n in range(MANY)], "context": {"locale": "de"}}, {}),
    "own": ("prox", "/v1/events", {"events": [{"id": f"m-{n}", "type": "viewed", "user_id": "ada@lovelace.example"} for n in range(MANY)]}, {}),
    "snowplow": (
        "snowplow",
        "/com.snowplowanalytics.snowplow/tp2",
        {"schema": "x", "data": [{"e": "pv", "eid": f"m-{n}", "uid": "ada@lovelace.example", "nuid": "n"} for n in range(MANY)]},
        {"SP-Anonymous": "*"},
    ),
    "cloudevents": (
        "cloudevents",
        "/v1/cloudevents",
        [{"id": f"m-{n}", "source": "s", "type": "viewed", "specversion": "1.0", "subject": "ada@lovelace.example"} for n in range(MANY)],
        {"Content-Type": "application/cloudevents-batch+json"},
    ),
}


def in_part(body: Any) -> Any:
    """The same request with as many events as are read at once."""
    if isinstance(body, list):
        return body[:10]
    return {name: value[:10] if isinstance(value, list) else value for name, value in body.items()}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_request_of_many_events_is_published_whole_and_read_to_the_same_events(desk: Desk, name: str):
    """One record; what a job makes of it is what the collector makes of fewer events."""
    protocol, path, body, headers = PROTOCOLS[name]
    options = {"headers": headers | {"User-Agent": "an-sdk/1", "Sec-GPC": "1"}}
    statuses = [desk.post(path, json.dumps(sent).encode(), **options).status_code for sent in (body, in_part(body))]
    [request] = desk.requests
    later = events_of(request, SECRET).events

    assert [200, 200] == statuses
    assert (TENANT, "website", protocol) == (request.tenant, request.source, request.protocol)
    assert MANY == len(later)
    assert [without_ids(event) for event in desk.events] == [without_ids(event) for event in later[:10]]
    assert [event.event_id for event in desk.events] == [event.event_id for event in later[:10]]


LARGE = json.dumps({"batch": [{**a_segment(n), "properties": {"note": "ä" * 1_000}} for n in range(MANY)]}, ensure_ascii=False).encode()
"""Its events are counted without being decoded."""
TWICE = LARGE[:-1] + b', "batch": [{"type": "track", "event": "Last", "userId": "u-1"}]}'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (LARGE, 200),
        (b"\xef\xbb\xbf" + LARGE, 200),
        (LARGE.replace(b'{"note"', b'{"n": 123456789012345678901234567890, "note"'), 200),
        (LARGE.replace(b'"m-3"', b"1e999"), 400),
        (LARGE.replace(b'"m-3"', b'"\\ud800"'), 400),
        (LARGE.replace(b'"m-3"', b'"\xff"'), 400),
        (LARGE[:-1], 400),
        (b'{"batch": [], "note": "' + b"a" * 9_000 + b'"}', 400),
        (b'{"batch": "' + b"a" * 9_000 + b'"}', 400),
    ],
)
def test_a_large_request_is_judged_as_a_small_one_is(desk: Desk, body: bytes, status: int):
    """What is no JSON is told, and what is JSON is taken, though its events are not decoded."""
    found = desk.post("/v1/batch", body).status_code

    assert status == found
    assert ([MANY] if status == 200 else []) == [len(events_of(request, SECRET).events) for request in desk.requests]


def test_of_two_lists_of_events_the_last_counts(desk: Desk):
    """As in a small request, and as a job would read it: none passes its limits by another."""
    desk.post("/v1/batch", TWICE)

    assert ["last"] == [event.type for event in desk.events]
    assert [] == desk.requests


def without_ids(event: Event) -> Event:
    return event._replace(event_id="")


def test_the_key_of_a_whole_request_follows_its_first_person_and_names_nobody(desk: Desk):
    """So that one person's requests keep their order."""
    for first in ("ada@lovelace.example", "ada@lovelace.example", "bob"):
        desk.post("/v1/batch", {"batch": [{**a_segment(n), "userId": first} for n in range(MANY)]})
    keys = [record.key for record in desk.producer.sent]

    assert keys[0] == keys[1] != keys[2]
    assert all(key.startswith(b"acme|") and b"ada" not in key for key in keys)


def test_nothing_outside_of_its_person_names_anybody(desk: Desk):
    """Body and address are in one place, where they can be encrypted and erased."""
    desk.post("/v1/batch", {"batch": [a_segment(n) for n in range(MANY)]})
    [request] = desk.requests

    assert "ada@" not in json.dumps(request._replace(person=None)._asdict())


@pytest.mark.parametrize("size", [0, MANY])
def test_a_request_that_is_none_is_refused_at_the_door(desk: Desk, size: int):
    """No events, or more than the key may send at once: its sender is told, as ever."""
    desk.file.write_text(key_table(more=f"max_batch_events = {MANY - 1}"), encoding="utf-8")
    answer = desk.post("/v1/batch", {"batch": [a_segment(n) for n in range(size)]})

    assert (413 if size else 400, []) == (answer.status_code, desk.producer.sent)


def test_a_whole_request_counts_as_its_events_against_the_rate(desk: Desk):
    """A key whose burst is five and that sent eleven has to wait."""
    desk.file.write_text(key_table(more="events_per_s = 1.0\nburst = 5"), encoding="utf-8")
    statuses = [desk.post("/v1/batch", {"batch": [a_segment(n) for n in range(size)]}).status_code for size in (MANY, 1)]

    assert [200, 429] == statuses


def test_a_whole_request_that_kafka_does_not_take_is_not_accepted(desk: Desk):
    """429 with whole seconds: the SDK keeps it."""
    desk.producer.error = away()
    answer = desk.post("/v1/batch", {"batch": [a_segment(n) for n in range(MANY)]})

    assert (429, True) == (answer.status_code, answer.headers["Retry-After"].isdigit())
