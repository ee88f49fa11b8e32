"""Records that no job can use, and what is to become of each."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from schemas.codec import FRAME, MAGIC, Codec
from schemas.ids import Millis
from schemas.topics import Topic
from tests.builders import instant, viewed_page, won

ENRICH, SCORE, LEARN, STORE = (
    "enrich_events.enrich_lane",
    "score_leads.score_lane",
    "learn_models.learn_tenant",
    "store_results.write_batch",
)
NO_AVRO = b'{"tenant": "acme", "lead": "ada"}'
NO_SCHEMA = 987_654_321
TEN_MB = 10_000_000
CENTURY_AHEAD = instant("2100-01-01")
NEVER_SET = Millis(0)


class Wire(NamedTuple):
    """What hazards are made with: our codec, and what a foreign schema, registered without `occurred_at`, makes of an event."""

    codec: Codec
    without_time: Callable[[str], bytes]


class Hazard(NamedTuple):
    """A record, and the dead letters that it is to become: one of each stage that reads its topic."""

    name: str
    topic: Topic
    key: bytes | None
    value: Callable[[Wire], bytes | None]
    reason: str
    stages: Sequence[str] = (ENRICH,)


def _event(name: str, **fields: Any) -> Callable[[Wire], bytes]:
    return lambda wire: wire.codec.encode(viewed_page(name)._replace(**{"event_id": name, **fields}))


def _outcome(name: str, **fields: Any) -> Callable[[Wire], bytes]:
    return lambda wire: wire.codec.encode(won(name)._replace(**{"outcome_id": name, **fields}))


def _bytes(value: bytes | None) -> Callable[[Wire], bytes | None]:
    return lambda _: value


def _no_text(name: str) -> Callable[[Wire], bytes]:
    return lambda wire: wire.codec.encode(viewed_page(name, account_id="LOVE")).replace(b"LOVE", b"\xff\xfe\xc0\x80")


EVENTS, OUTCOMES = Topic.EVENTS_RECEIVED, Topic.OUTCOMES_RECEIVED
HAZARDS = (
    Hazard("no avro", EVENTS, b"acme|no-avro", _bytes(NO_AVRO), "not_avro"),
    Hazard("empty value", EVENTS, b"acme|empty-value", _bytes(b""), "not_avro"),
    Hazard("no value", EVENTS, b"acme|no-value", _bytes(None), "not_avro"),
    Hazard("cut off", EVENTS, b"acme|cut-off", lambda wire: _event("cut-off")(wire)[:-5], "not_avro"),
    Hazard("bytes left over", EVENTS, b"acme|left-over", lambda wire: _event("left-over")(wire) + b"\0", "not_avro"),
    Hazard("unknown schema", EVENTS, b"acme|no-schema", _bytes(FRAME.pack(MAGIC, NO_SCHEMA) + b"acme"), "unknown_schema"),
    Hazard("missing field", EVENTS, b"acme|no-time", lambda wire: wire.without_time("no-time"), "unknown_schema"),
    Hazard("wrong type", EVENTS, b"acme|an-outcome", _outcome("an-outcome"), "wrong_type"),
    Hazard("10 MB", EVENTS, b"acme|ten-mb", _event("ten-mb", context={"page": "x" * TEN_MB}), "too_large"),
    Hazard("occurred in 1970", EVENTS, b"acme|never-set", _event("never-set", occurred_at=NEVER_SET), "invalid"),
    Hazard("occurred in 2100", EVENTS, b"acme|century", _event("century", occurred_at=CENTURY_AHEAD), "invalid"),
    Hazard("received in 2100", EVENTS, b"acme|early-bird", _event("early-bird", received_at=CENTURY_AHEAD), "invalid"),
    Hazard("empty tenant", EVENTS, b"|no-tenant", _event("no-tenant", tenant=""), "invalid"),
    Hazard("empty lead", EVENTS, b"acme|", _event("", event_id="no-lead"), "invalid"),
    Hazard("empty event id", EVENTS, b"acme|no-id", _event("no-id", event_id=""), "invalid"),
    Hazard("blank event id", EVENTS, b"acme|blank-id", _event("blank-id", event_id=" "), "invalid"),
    Hazard("key of another lead", EVENTS, b"acme|somebody", _event("somebody-else"), "invalid"),
    Hazard("key of a lead alone", EVENTS, b"tenantless", _event("tenantless"), "invalid"),
    Hazard("no key", EVENTS, None, _event("keyless"), "invalid"),
    Hazard("key that is no text", EVENTS, b"acme|\xff\xfe\xc0", _event("no-text-key"), "invalid"),
    Hazard("text that is no text", EVENTS, b"acme|no-text", _no_text("no-text"), "not_avro"),
    Hazard("outcome: no avro", OUTCOMES, b"acme|no-avro-2", _bytes(NO_AVRO), "not_avro", (SCORE,)),
    Hazard("outcome: wrong type", OUTCOMES, b"acme|an-event", _event("an-event"), "wrong_type", (SCORE,)),
    Hazard("outcome: neither won nor lost", OUTCOMES, b"acme|maybe", _outcome("maybe", outcome="maybe"), "invalid", (SCORE,)),
    Hazard("outcome: in 2100", OUTCOMES, b"acme|won-in-2100", _outcome("won-in-2100", occurred_at=CENTURY_AHEAD), "invalid", (SCORE,)),
    Hazard("outcome: received in 1970", OUTCOMES, b"acme|no-clock", _outcome("no-clock", received_at=NEVER_SET), "invalid", (SCORE,)),
    Hazard("outcome: empty id", OUTCOMES, b"acme|no-outcome-id", _outcome("no-outcome-id", outcome_id=""), "invalid", (SCORE,)),
    Hazard("enriched: no avro", Topic.EVENTS_ENRICHED, b"acme|no-avro-3", _bytes(NO_AVRO), "not_avro", (SCORE,)),
    Hazard("example: no avro", Topic.EXAMPLES_MATURED, b"acme", _bytes(b"\x01\x02"), "not_avro", (LEARN,)),
    Hazard("model: no avro", Topic.MODELS_PUBLISHED, b"acme|1", _bytes(b"\x03\x04"), "not_avro", (SCORE, STORE)),
    Hazard("score: no avro", Topic.SCORES_PUBLISHED, b"acme|no-avro-4", _bytes(NO_AVRO), "not_avro", (STORE,)),
    Hazard("metric: no avro", Topic.METRICS_PUBLISHED, b"acme", _bytes(b"\x05\x06"), "not_avro", (STORE,)),
)
