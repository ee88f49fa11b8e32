"""`python -m tests.golden.schemas.write`: golden files for schemas that have none yet. Those that exist are never written again.

A golden file is a record as some release wrote it (`.bin`) with the schema it wrote by and the value it meant (`.json`). When a schema changes,
its new shape gets the next number, and the old files go on being read.
"""

import base64
import json
from pathlib import Path
from typing import Any

from schemas.champion_choice import ChampionChoice
from schemas.codec import Codec, Schema, schema_of
from schemas.crm_change import CrmChange
from schemas.crm_link import CrmLink
from schemas.dead_letter import DeadLetter
from schemas.enriched import EnrichedEvent
from schemas.event import Event, Person
from schemas.example import MaturedExample
from schemas.identity import IdentityClaim, LeadMoved
from schemas.ids import Millis
from schemas.metric import Metric
from schemas.model_snapshot import ModelSnapshot
from schemas.outcome import Outcome
from schemas.override import Override
from schemas.push import PushReport
from schemas.score import LeadScore
from schemas.sent_request import SenderWords, SentRequest
from schemas.topics import VALUE_TYPES, Topic, Value

FOLDER = Path(__file__).parent
MONDAY, FRIDAY = Millis(1_772_442_000_000), Millis(1_772_787_600_123)
PERSON = Person(email="ada@lovelace.example", phone="+44 20 7946 0000", name="Ada Lovelace", ip="2001:db8::1", original='{"event":"Page Viewed"}')

VALUES: dict[Topic, Value] = {
    Topic.REQUESTS_RECEIVED: SentRequest(
        "acme",
        "website",
        "00ff",
        "segment",
        FRIDAY,
        SenderWords("203.0.113.0", '{"batch": [{"event": "für"}]}'.encode()),
        "analytics-python/2.4.0",
        "DE",
        gpc=True,
        keeps_ip=True,
        is_anonymous=True,
        max_event_bytes=4_096,
    ),
    Topic.EVENTS_RECEIVED: Event(
        "acme",
        "lead|7",
        "e-1",
        "page_viewed",
        "web",
        MONDAY,
        FRIDAY,
        {"page": "/preise/für-alle", "seconds": 12.5},
        {"source": "search"},
        {"email": True, "calls": False},
        "anon-1",
        "user-1",
        "account-1",
        PERSON,
        "anon-0",
        {"email": "9f86d081884c7d65", "crm.salesforce": "00Q5g"},
        "website",
        MONDAY,
        FRIDAY,
        True,
        True,
        True,
    ),
    Topic.OUTCOMES_RECEIVED: Outcome("acme", "lead|7", "o-1", "won", FRIDAY, FRIDAY, 1200.5, "salesforce"),
    Topic.EVENTS_ENRICHED: EnrichedEvent(
        "acme",
        "lead|7",
        "e-1",
        3,
        "page_viewed",
        "web",
        MONDAY,
        FRIDAY,
        {"page": "/"},
        {"seconds": 12.5},
        {"industry": "retail"},
        {"employees": 40.0},
        {"source": "search"},
        {"email": True},
        "account-1",
        PERSON,
        "website",
    ),
    Topic.SCORES_PUBLISHED: LeadScore(
        "acme",
        "lead|7",
        "e-1",
        3,
        MONDAY,
        0.7312345678901234,
        "B2",
        ["recency", "seniority"],
        [0.4, -0.1],
        17,
        4_294_967_295,
        FRIDAY,
        FRIDAY,
        -1.25,
        0.0625,
        1_772_438_400_000,
        "prox",
        [4.29, 0.0],
        5_400,
        [0.1, 0.25, 0.5, 0.7, 0.7312345678901234],
        "account-1",
    ),
    Topic.EXAMPLES_MATURED: MaturedExample(
        "acme",
        "lead|7",
        "e-1",
        3,
        MONDAY,
        FRIDAY,
        0,
        4,
        True,
        True,
        0.73,
        [0.1, 0.2, 0.3, 0.4, 0.5],
        17,
        b"\x01\x00\xff",
        "slow",
        ["prox", "plain"],
        [0.5, 0.25],
        [0.125, 0.0625, 0.5, 0.25],
    ),
    Topic.MODELS_PUBLISHED: ModelSnapshot("acme", 17, MONDAY, "river", 1000, 2500, b"\x01\x00\xff", FRIDAY, False),
    Topic.METRICS_PUBLISHED: Metric("acme", "auc", "published", MONDAY, 0.7543, 75_000, 17),
    Topic.CHAMPIONS_CHOSEN: ChampionChoice("acme", "1772787600123-slow", "slow", "ops", FRIDAY),
    Topic.PUSHES_REPORTED: PushReport(
        "acme", "ada", "hubspot", "e-1", 7, MONDAY, 0.25, "B2", 17, "refused", "grade", "INVALID_PICKLIST_VALUE", "501", 2, MONDAY, FRIDAY
    ),
    Topic.CHANGES_NOTICED: CrmChange("acme", "hubspot", "9f86d0", "deal", "77", "updated", "dealstage", "closedwon", "", MONDAY, FRIDAY),
    Topic.LINKS_CHANGED: CrmLink("acme", "lead|7", "salesforce", "Contact/0035g", "linked", FRIDAY),
    Topic.OVERRIDES_DECIDED: Override("acme", "lead|7", "o-1", "A1", "met at the fair", "sales-lead", "api", MONDAY, FRIDAY),
    Topic.IDENTITIES_CLAIMED: IdentityClaim(
        "acme", "e-1", "seen", MONDAY, FRIDAY, ["user:u-7", "email:9f86"], ["device:b-1"], ["email:9f86"], ["user:u-7", "user:b-0"], "ops"
    ),
    Topic.LEADS_MOVED: LeadMoved("acme", "b-1", "b-1", "u|7", 2, "b-1", True, MONDAY, FRIDAY),
    Topic.RECORDS_DEAD: DeadLetter(
        "enrich_events.enrich_lane", "prox.events.received.v1", "not_avro", "not in wire format", "0.1.0", FRIDAY, b"acme|7", b"\xff\x00{"
    ),
}


def as_json(value: Value) -> dict[str, Any]:
    """The value's fields; bytes as base64."""
    fields: dict[str, Any] = json.loads(json.dumps(value._asdict(), default=lambda raw: {"base64": base64.b64encode(raw).decode("ascii")}))
    return fields


def shape(schema: Any) -> Any:
    """The schema without what is for people: a changed comment changes no byte."""
    if isinstance(schema, dict):
        return {key: shape(item) for key, item in schema.items() if key != "doc"}
    return [shape(item) for item in schema] if isinstance(schema, list) else schema


def never(schema_id: int) -> Schema:
    """Our own schemas need no registry."""
    raise AssertionError(schema_id)


def write_missing() -> list[str]:
    """Write a golden file for each current schema that has none; returns the names."""
    written = []
    for topic, value in VALUES.items():
        schema = schema_of(VALUE_TYPES[topic])
        versions = sorted(FOLDER.glob(f"{schema['name']}.v*.json"), key=lambda path: int(path.stem.rpartition(".v")[2]))
        if any(shape(json.loads(path.read_text(encoding="utf-8"))["schema"]) == shape(schema) for path in versions):
            continue
        name = f"{schema['name']}.v{len(versions) + 1}"
        data = Codec({topic: 1}, never).encode(value)
        (FOLDER / f"{name}.bin").write_bytes(data)
        text = json.dumps({"schema": schema, "value": as_json(value)}, indent=1, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        written.append(name)
    return written


if __name__ == "__main__":
    print("\n".join(write_missing()) or "every schema has its golden file")  # noqa: T201 - a command's answer
