"""What a fuzzer begins with: a request of each kind, of nobody."""

import base64
import gzip
import json

from schemas.codec import FRAME
from tests.builders import IDS
from tests.collector import CODEC
from tests.golden.schemas.write import VALUES

CALL = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u-1",
    "messageId": "m-1",
    "timestamp": "2026-03-02T09:00:00Z",
    "sentAt": "2026-03-02T09:00:01Z",
    "properties": {"total": 12.5, "a": {"b": [1, True, None]}},
    "context": {
        "page": {"url": "https://x.example/?utm_source=a&gclid=b", "search": "?q=1"},
        "campaign": {"source": "s"},
        "consent": {"categoryPreferences": {"ads": False}},
        "externalIds": [{"type": "salesforce", "id": "00Q"}],
        "traits": {"email": "a@b.example", "phone": "+44 20 7946 0000"},
        "ip": "203.0.113.7",
    },
}
SNOWPLOW = {
    "e": "se",
    "eid": "e-1",
    "uid": "u",
    "duid": "d",
    "nuid": "n",
    "dtm": "1772442000000",
    "stm": "1772442001000",
    "se_ac": "play",
    "se_va": "1.5",
}
DESCRIBED = {"schema": "iglu:com.acme/add_to_cart/jsonschema/1-0-0", "data": {"sku": "1"}}
UNSTRUCTURED = {
    "e": "ue",
    "p": "web",
    "ue_pr": json.dumps({"schema": "s", "data": DESCRIBED}),
    "co": json.dumps({"schema": "s", "data": [DESCRIBED]}),
}
CLOUD = {
    "specversion": "1.0",
    "id": "1",
    "source": "/s",
    "type": "com.x.y",
    "subject": "u",
    "time": "2026-03-02T09:00:00Z",
    "data": {"userId": "u", "n": 1},
}
OWN = {"id": "o", "type": "demo_requested", "channel": "web", "user_id": "u", "occurred_at": "2026-03-02T09:00:00Z", "properties": {"seats": 40}} | {
    "person": {"email": "a@b.example"},
    "consent": {"ads": True},
    "identifiers": {"crm.x": "1"},
    "gpc": True,
}
SENDGRID = [{"email": "a@b.example", "timestamp": 1772442000, "event": "click", "sg_event_id": "s", "url": "https://x.example/", "ip": "203.0.113.7"}]
MAILGUN = {
    "signature": {"timestamp": "1772442000", "token": "t", "signature": "0"},
    "event-data": {
        "event": "opened",
        "id": "i",
        "timestamp": 1772442000.1,
        "recipient": "a@b.example",
        "user-variables": {"user_id": "u"},
        "client-info": {"user-agent": "x", "device-type": "desktop"},
        "geolocation": {"country": "DE"},
    },
}


def _json(*values: object) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


SEEDS: dict[str, list[bytes]] = {
    "segment_batch": _json({"batch": [CALL, {"type": "alias", "previousId": "a", "userId": "b"}], "context": {"locale": "de"}}),
    "segment_call": [
        bytes([kind]) + _json(CALL | {"groupId": "g", "previousId": "p", "traits": {"name": "X", "plan": "pro"}})[0] for kind in range(6)
    ],
    "segment_pixel": [
        b"writeKey=k&userId=u&event=X&properties.path=/a&context.page.url=https://x.example/",
        b"data=" + base64.b64encode(json.dumps(CALL).encode()),
    ],
    "snowplow_payload": _json({"schema": "s", "data": [SNOWPLOW, UNSTRUCTURED]}),
    "snowplow_pixel": [b"e=pv&eid=1&duid=d&url=https%3A%2F%2Fx.example%2F%3Futm_source%3Da&dtm=1772442000000&aid=app"],
    "cloudevents": [
        b"\x00" + _json(CLOUD)[0],
        b"\x01" + _json([CLOUD, CLOUD])[0],
        b"\x02ce-id:1\nce-source:/s\nce-type:a.b\nce-specversion:1.0\nce-subject:u\n\n{}",
    ],
    "own": _json(OWN, {"events": [OWN, {"type": "x"}]}),
    "sendgrid": _json(SENDGRID),
    "mailgun": _json(MAILGUN),
    "mapped": _json({"events": [{"t": "chat", "u": "u", "x": [1], "m": "a@b.example", "at": 1772442000}]}),
    "webhooks": [b"\x001772442000\n" + _json({"a": 1})[0], b"\x01\n" + _json(MAILGUN)[0]],
    "signatures": [b"1772442000", base64.b64encode(b"0" * 70)],
    "credentials": [b"Basic a2V5Og==", b"Bearer key", b"writeKey=key&a=b", b'{"writeKey": "key"}'],
    "body": [b"\x01" + gzip.compress(b'{"batch": []}'), b"\x00{}", b"\x02" + gzip.compress(b"0" * 9_000)],
    "instants": [b"2026-03-02T09:00:00.123Z", b"1772442000000", b"1e11", b"-1"],
    "places": [b"https://u:p@x.example/a?utm_campaign=b&gclid=c&email=a@b.example#d", b"203.0.113.7", b"2001:db8::1"],
    "record": [bytes([IDS[topic] - 1]) + CODEC.encode(value)[FRAME.size :] for topic, value in VALUES.items()],
    "whole": [bytes([n]) + body for n, body in enumerate(_json({"batch": [CALL]}, [OWN], {"data": [SNOWPLOW]}, [CLOUD]))],
    "csv": [b"t,u,m\nlead,1,a@b.example\n,2,\n", b'"t"\n"a""b"\n'],
    "json_lines": [b'{"t": "a", "u": "1"}\n\n7\n{'],
    "http": [
        bytes([0, 0]) + b"content-type: text/plain\n\n" + _json({"batch": [CALL]})[0],
        bytes([3, 0]) + b"content-type: application/cloudevents+json\n\n" + _json(CLOUD)[0],
        bytes([5, 1]) + b"sp-anonymous: *\n\n" + _json({"data": [SNOWPLOW]})[0],
        bytes([6, 0]) + b"\n\ne=pv&duid=d",
    ],
}
