"""Every parser that meets a stranger's bytes, as a function of bytes: it returns, whatever they are, or a law is broken."""

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from api.collector import bodies, credentials, importing, signatures, webhooks
from api.collector.app import Collector
from api.collector.keys import WebhookSettings
from api.collector.outline import outline_of
from models.collecting import requests
from models.collecting.arrival import Arrival, Parsed, json_of
from models.collecting.instants import corrected, instant_of
from models.collecting.places import address, masked, put_url
from models.collecting.protocols import cloudevents, mailgun, mapped, own, segment, sendgrid, snowplow
from schemas.errors import ConfigError, PoisonRecordError
from schemas.pseudonym import EMAIL
from schemas.sent_request import SenderWords, SentRequest
from tests.builders import IDS, MONDAY, TENANT
from tests.collector import CODEC, KEY, Desk, an_arrival, check

ARRIVAL = an_arrival(max_batch_events=50, max_event_bytes=4_096)
MAPPING = {"type": "$.t", "user_id": "$..u", "properties.x": "$.x[0]", "person.email": "$.m", "occurred_at": "$.at"}
KINDS = ("track", "identify", "page", "screen", "group", "alias")
ENCODINGS = ("", "gzip", "deflate", "br")
MODES = (cloudevents.STRUCTURED, cloudevents.BATCHED, "")
WEBHOOKS = tuple(WebhookSettings(kind=kind, secret="x" * 20, fields=MAPPING) for kind in ("hmac", "mailgun"))
PATHS = ("/v1/batch", "/v1/track", "/v1/events", "/v1/cloudevents", "/v1/webhooks", "/com.snowplowanalytics.snowplow/tp2", "/i", "/pixel/v1/track")

Target = Callable[[bytes], None]


def _json(parse: Callable[[Any, Arrival], Parsed]) -> Target:
    def tried(data: bytes) -> None:
        check(parse(json_of(data), ARRIVAL))

    return tried


def _call(data: bytes) -> None:
    check(segment.parse_call(json_of(data[1:]), KINDS[data[0] % len(KINDS)], ARRIVAL) if data else Parsed([], []))


def _segment_pixel(data: bytes) -> None:
    credentials.of_query(data)
    check(segment.parse_pixel(data, "track", ARRIVAL))


def _snowplow_pixel(data: bytes) -> None:
    snowplow.app_id(None, data)
    check(snowplow.parse_pixel(data, ARRIVAL, is_anonymous=len(data) % 2 == 0))


def _cloudevents(data: bytes) -> None:
    """Lines before an empty one are headers."""
    head, _, body = data[1:].partition(b"\n\n")
    lines = (line.partition(":") for line in head.decode("latin-1").split("\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    mode = MODES[data[0] % len(MODES)] if data else ""
    check(cloudevents.parse(body if mode == "" else data[1:], headers if mode == "" else {"content-type": mode}, ARRIVAL))


def _body(data: bytes) -> None:
    found = bodies.inflated(data[1:], ENCODINGS[data[0] % len(ENCODINGS)], 4_096) if data else b""
    assert len(found) <= max(4_096, len(data))
    json_of(found)


def _credentials(data: bytes) -> None:
    text = data.decode("latin-1")
    for found in (credentials.of_header(text), credentials.of_query(data)):
        assert found is None or found
    with suppress(PoisonRecordError):
        assert credentials.of_body(json_of(data)) != ""


def _signatures(data: bytes) -> None:
    """Nothing that a fuzzer makes is signed."""
    text = data.decode("latin-1")
    for check_it in (
        lambda: signatures.check_hmac(b"secret", data, text),
        lambda: signatures.check_hmac(b"secret", data, text, "base64"),
        lambda: signatures.check_ecdsa(PUBLIC_KEY, data, text),
    ):
        try:
            check_it()
        except PoisonRecordError:
            continue
        raise AssertionError("a forged signature was taken")
    signatures.check_window(text, MONDAY, 900)


PUBLIC_KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q=="
"""The example of the standard's appendix, P-256: its private half signs nothing here."""


def _webhooks(data: bytes) -> None:
    head, _, body = data[1:].partition(b"\n")
    headers = {"x-timestamp": head.decode("latin-1"), "x-signature": "0" * 64}
    try:
        webhooks.parse(body, headers, WEBHOOKS[data[0] % len(WEBHOOKS)] if data else None, ARRIVAL)
    except PoisonRecordError:
        return
    raise AssertionError("an unsigned webhook was taken")


def _instants(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    stamps: list[Any] = [text]
    with suppress(PoisonRecordError):
        stamps.append(json_of(data))
    for stamp in stamps:
        at, _ = corrected(instant_of(stamp), instant_of(text[::-1]), MONDAY)
        assert 946_684_800_000 <= at <= MONDAY


def _places(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    context: dict[str, str] = {}
    put_url(text, "page.url", context)
    address(text, whole=len(text) % 2 == 0)
    assert not any(EMAIL.search(value) for value in (*context.values(), masked(text)))


def _record(data: bytes) -> None:
    """Any bytes under a frame of ours are a value or dead; a value is written back."""
    if data:
        frame = b"\x00" + (1 + data[0] % len(IDS)).to_bytes(4, "big")
        CODEC.encode(CODEC.decode(frame + data[1:]))


def _whole(data: bytes) -> None:
    protocols = (*requests.READINGS, "other")
    body = data[1:]
    outline = outline_of(body, "batch")
    if outline is not None:  # what has one can be decoded, and holds as many events
        assert outline.events == len(json_of(body)["batch"])
    request = SentRequest(TENANT, "website", "r", protocols[data[0] % len(protocols)] if data else "", MONDAY, SenderWords(None, body))
    assert request == CODEC.decode(CODEC.encode(request))
    found = requests.events_of(request, b"k" * 32)
    assert found == requests.events_of(request, b"k" * 32)
    check(found)
    for item in requests.READINGS[request.protocol].items_of(json_of(body))[:1]:
        assert requests.key_of(TENANT, item, b"k" * 32).startswith(b"acme|")


def _file(suffix: str) -> Target:
    def tried(data: bytes) -> None:
        with TemporaryDirectory(prefix="fuzz-") as folder:
            path = Path(folder) / f"file{suffix}"
            path.write_bytes(data)
            with suppress(ConfigError):
                for row in importing.rows(path):
                    if row.problem is None:
                        with suppress(PoisonRecordError):
                            own.read(importing._mapped(row, MAPPING), row.raw.decode(), ARRIVAL, protocol="file")

    return tried


def _http() -> Target:
    """A whole collector: its first line is method, path and key's place; then headers, then the body. No 500, and nobody in without a key."""
    with TemporaryDirectory(prefix="fuzz-") as folder:
        desk = Desk(Path(folder))
        desk.app._parts = desk._parts()  # its keys are read once
    desk.app._log = structlog.wrap_logger(structlog.testing.ReturnLogger())
    loop = asyncio.new_event_loop()
    seen: dict[str, Any] = {}

    async def keep(message: Any) -> None:
        seen.update(message)

    def tried(data: bytes) -> None:
        choice, (head, _, body) = data[:2].ljust(2, b"\0"), data[2:].partition(b"\n\n")
        path = PATHS[choice[0] % len(PATHS)]
        has_key = choice[1] % 2 == 0
        lines = (line.partition(b":") for line in head.split(b"\n")[:20])
        headers = [(name.strip().lower(), value.strip()) for name, _, value in lines if name.strip()]
        headers = [(name, value) for name, value in headers if name != b"authorization"]
        if has_key:
            headers.append((b"authorization", b"Basic " + base64.b64encode(f"{KEY}:".encode())))
        method = "GET" if path in ("/i", "/pixel/v1/track") else "POST"
        scope = {"type": "http", "method": method, "path": path, "query_string": body[:500] if method == "GET" else b"", "headers": headers}

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        desk.producer.sent.clear()
        app: Collector = desk.app
        loop.run_until_complete(app(scope, receive, keep))
        assert seen["status"] < 500 or seen["status"] == 503
        known = KEY.encode() in data
        assert has_key or known or not desk.producer.sent

    return tried


def _guarded(parse: Target) -> Target:
    """A refusal is an answer."""

    def tried(data: bytes) -> None:
        with suppress(PoisonRecordError):
            parse(data)

    return tried


TARGETS: dict[str, Target] = {
    name: _guarded(parse)
    for name, parse in {
        "segment_batch": _json(segment.parse_batch),
        "segment_call": _call,
        "segment_pixel": _segment_pixel,
        "snowplow_payload": _json(lambda given, arrival: snowplow.parse_payload(given, arrival, is_anonymous=False)),
        "snowplow_pixel": _snowplow_pixel,
        "cloudevents": _cloudevents,
        "own": _json(own.parse),
        "sendgrid": _json(sendgrid.parse),
        "mailgun": _json(mailgun.parse),
        "mapped": _json(lambda given, arrival: mapped.parse(given, "$.events[*]", MAPPING, arrival)),
        "webhooks": _webhooks,
        "signatures": _signatures,
        "credentials": _credentials,
        "body": _body,
        "instants": _instants,
        "places": _places,
        "record": _record,
        "whole": _whole,
        "csv": _file(".csv"),
        "json_lines": _file(".jsonl"),
        "http": _http(),
    }.items()
}
"""Name → parser. Parquet is not among them: its bytes are read by Arrow alone, and the file is the operator's own."""


def words() -> list[str]:
    """Names that parsers look for: the fuzzer need not guess them."""
    found = {*own.FIELDS, *requests.NAMES, *segment.KINDS.values(), *segment.READ, *snowplow.CONTEXT, *snowplow.PROPERTIES, *snowplow.NUMBERS}
    found |= {"batch", "data", "events", "event", "type", "messageId", "traits", "context", "timestamp", "sentAt", "groupId", "previousId", "consent"}
    found |= {
        "categoryPreferences",
        "gpc",
        "externalIds",
        "e",
        "eid",
        "dtm",
        "stm",
        "ue_pr",
        "ue_px",
        "co",
        "cx",
        "specversion",
        "1.0",
        "id",
        "source",
    }
    found |= {"data_base64", "ce-id", "ce-type", "ce-source", "ce-specversion", "event-data", "user-variables", "client-info", "sg_event_id", "email"}
    return sorted(found | {json.dumps(word) + ":" for word in found})
