import json
from typing import Any

import pytest

from tests.builders import MONDAY, later
from tests.collector import Desk

PATH = "/v1/cloudevents"
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "7",
    "source": "/crm",
    "type": "com.acme.leadCreated",
    "subject": "u-1",
    "time": "2026-03-02T08:00:00Z",
    "data": {"score": 3, "email": "ada@lovelace.example"},
}


def test_structured_binary_and_batched_are_the_same_event(desk: Desk):
    """Which mode it is, its media type says: the one place where that counts."""
    binary = {f"ce-{name}": value for name, value in EVENT.items() if name != "data"}
    answers = [
        desk.post(PATH, json.dumps(EVENT).encode(), headers={"Content-Type": "application/cloudevents+json; charset=utf-8"}),
        desk.post(PATH, json.dumps(EVENT["data"]).encode(), headers={"Content-Type": "application/json", **binary}),
        desk.post(PATH, json.dumps([EVENT]).encode(), headers={"Content-Type": "application/cloudevents-batch+json"}),
    ]
    first, *others = [event._replace(person=None) for event in desk.events]

    assert [200] * 3 == [answer.status_code for answer in answers]
    assert [first] * 2 == others
    assert ("/crm 7", "u-1", "com_acme_lead_created", later(MONDAY, hours=-1), {"score": 3.0}) == (
        first.event_id,
        first.lead,
        first.type,
        first.occurred_at,
        first.properties,
    )


def test_the_partition_key_is_the_lead(desk: Desk):
    """Where it is given; the subject stays the user."""
    desk.post(PATH, json.dumps(EVENT | {"partitionkey": "lead-9"}).encode(), headers={"Content-Type": "application/cloudevents+json"})

    assert ("lead-9", "u-1") == (desk.events[0].lead, desk.events[0].user_id)


@pytest.mark.parametrize("fields", [{"specversion": "0.3"}, {"id": ""}, {"source": 7}, {"time": "noon"}, {"type": None}])
def test_what_is_no_cloudevent_is_400(desk: Desk, fields: dict[str, Any]):
    """Alone it is refused; in a batch it becomes a dead letter."""
    alone = desk.post(PATH, json.dumps(EVENT | fields).encode(), headers={"Content-Type": "application/cloudevents+json"})
    batched = desk.post(PATH, json.dumps([EVENT, EVENT | fields]).encode(), headers={"Content-Type": "application/cloudevents-batch+json"})

    assert (400, 200, 1, 1) == (alone.status_code, batched.status_code, len(desk.events), len(desk.dead))


def test_a_sender_may_ask_whether_it_may_send(desk: Desk):
    """The webhook's abuse protection."""
    answer = desk.request("OPTIONS", PATH, headers={"WebHook-Request-Origin": "events.example", "WebHook-Request-Rate": "120"})

    assert (200, "events.example", "120") == (answer.status_code, answer.headers["webhook-allowed-origin"], answer.headers["webhook-allowed-rate"])
