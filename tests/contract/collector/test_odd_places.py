import json
from typing import Any

import pytest

from tests.collector import Desk


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/batch", {"batch": [{"type": "track", "event": "X", "userId": "u", "messageId": "ada@lovelace.example"}]}),
        ("/v1/events", {"id": "1", "type": "x", "user_id": "u", "consent": {"ada@lovelace.example": True}}),
        ("/v1/events", {"id": "1", "type": "x", "user_id": "u", "context": {"ada@lovelace.example": "1"}}),
    ],
    ids=["an id", "a consent's category", "a name of the context"],
)
def test_an_address_in_an_odd_place_is_hidden(desk: Desk, path: str, body: Any):
    """Found by the fuzzer: whatever a sender calls so, only `person` names people."""
    desk.post(path, body)
    [event] = desk.events

    assert "ada@" not in json.dumps(event._replace(person=None)._asdict())
