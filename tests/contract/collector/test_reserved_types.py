import pytest

from models.identity.naming import VIA
from schemas.event import OBSERVATION, OWN_TYPES
from tests.collector import Desk

MOVE = {"to": "mallory", "before": "u-1", "memory_from": "", "number": 1, "is_nobody": 0}


@pytest.mark.parametrize("own_type", sorted(OWN_TYPES))
def test_nobody_but_the_jobs_moves_leads(desk: Desk, own_type: str):
    """A write key can be read in every browser: with it one tells what a visitor did, not whose memory is whose."""
    forged = {"type": own_type, "channel": OBSERVATION, "properties": MOVE}
    desk.post("/v1/events", {"events": [{"id": "1", "user_id": "u-1", **forged}, {"id": "2", "user_id": "u-1", "type": "page_viewed"}]})

    assert ["page_viewed"] == [event.type for event in desk.events]
    assert ["reserved_type"] == [letter.reason for letter in desk.dead]


def test_nobody_but_the_jobs_says_where_an_event_came_by(desk: Desk):
    """That mark exempts an event from being named by its own identifiers."""
    desk.post("/v1/events", {"id": "1", "user_id": "u-1", "type": "page_viewed", "context": {VIA: "b-7", "locale": "en"}})
    [event] = desk.events

    assert {"protocol": "prox", "locale": "en"} == event.context
