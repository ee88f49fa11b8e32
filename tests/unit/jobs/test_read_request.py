"""The operator of map_requests, called as Flink calls it."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.operators.read_request import ReadRequest
from models.collecting.protocols import segment
from schemas.dead_letter import DeadLetter
from schemas.ids import lead_key
from schemas.sent_request import SenderWords, SentRequest
from schemas.topics import Topic
from tests.builders import MONDAY, TENANT, viewed_page
from tests.collector import SECRET, an_arrival
from tests.unit.jobs.fakes import CODEC, Backend, FakeRuntimeContext, Published, of, offline_settings

KEY = f"{TENANT}|0011223344556677".encode()
GOOD = {"type": "track", "event": "Order Completed", "userId": "ada", "timestamp": "2026-03-02T08:59:00Z", "properties": {"total": 12.5}}


def a_request(items: list[Any], **fields: Any) -> SentRequest:
    body = json.dumps({"batch": items}).encode()
    return SentRequest(TENANT, "website", "a-request", "segment", MONDAY, SenderWords("203.0.113.0", body))._replace(**fields)


@pytest.fixture
def operator(tmp_path: Path) -> ReadRequest:
    made = ReadRequest(offline_settings(tmp_path), SECRET)
    made.open(FakeRuntimeContext(Backend()))
    return made


def read(operator: ReadRequest, value: bytes, key: bytes = KEY) -> list[Published]:
    records = [record for row in operator.process_element((key, value), None) for record in zip(*row, strict=True)]
    return [Published(topic, bytes(name), CODEC.decode(bytes(data)), at) for topic, name, data, at in records]


def test_a_requests_events_are_those_that_the_collector_would_have_made(operator: ReadRequest):
    """Each under its own lead, at its own time, in the sender's order; those without an id have one of the request and their position."""
    items = [{**GOOD, "messageId": "m-1"}, {**GOOD, "userId": "bob"}, GOOD]
    published = read(operator, CODEC.encode(a_request(items)))
    at_once = segment.parse_batch({"batch": items}, an_arrival(request_id="a-request", ip="203.0.113.0")).events

    assert at_once == of(Topic.EVENTS_RECEIVED, published)
    assert ["m-1", "a-request-1", "a-request-2"] == [one.value.event_id for one in published]
    assert [(lead_key(event.tenant, event.lead).encode(), event.occurred_at) for event in at_once] == [(one.key, one.at) for one in published]


def test_the_same_request_read_again_gives_the_same_records(operator: ReadRequest):
    """After a failure a request comes twice: its events are told as repeats by their ids."""
    value = CODEC.encode(a_request([GOOD] * 3))

    assert read(operator, value) == read(operator, value) != []


def test_a_bad_event_is_a_dead_letter_of_its_own(operator: ReadRequest):
    """Whole, with its reason; the others of its request go on."""
    published = read(operator, CODEC.encode(a_request([{"type": "dance", "userId": "u"}, GOOD])))
    [letter] = of(Topic.RECORDS_DEAD, published)

    assert 1 == len(of(Topic.EVENTS_RECEIVED, published))
    assert ("collector.segment", "http", "invalid", b"acme|website", b'{"type":"dance","userId":"u"}') == (
        letter.stage,
        letter.topic,
        letter.reason,
        letter.key,
        letter.value,
    )


@pytest.mark.parametrize(
    ("value", "key", "reason"),
    [
        (b"?", KEY, "not_avro"),
        (CODEC.encode(viewed_page()), KEY, "wrong_type"),
        (CODEC.encode(a_request([GOOD])), b"globex|1", "invalid"),
        (CODEC.encode(a_request([GOOD], protocol="carrier pigeon")), KEY, "invalid"),
        (CODEC.encode(a_request([], person=SenderWords(None, b"{"))), KEY, "not_json"),
        (CODEC.encode(a_request([])), KEY, "no_events"),
    ],
    ids=["unreadable", "an event", "another's key", "no protocol", "no JSON", "no events"],
)
def test_what_is_no_request_is_a_dead_letter_whole(operator: ReadRequest, value: bytes, key: bytes, reason: str):
    """It may be sent back to its topic when the cause is mended."""
    [published] = read(operator, value, key)

    assert isinstance(published.value, DeadLetter)
    assert (Topic.REQUESTS_RECEIVED.value, key, value, reason) == (
        published.value.topic,
        published.value.key,
        published.value.value,
        published.value.reason,
    )
