"""Whatever is sent, a parser gives events, bad events, or a refusal that says why; nothing else, and nothing is lost."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.collector import bodies, credentials
from api.collector.keys import WebhookSettings
from api.collector.outline import Outline, outline_of
from models.collecting.arrival import Arrival, Parsed, json_of
from models.collecting.instants import corrected, instant_of
from models.collecting.places import address, masked, put_url
from models.collecting.protocols import cloudevents, mailgun, mapped, own, segment, sendgrid, snowplow
from schemas.errors import PoisonRecordError
from schemas.ids import Millis
from schemas.pseudonym import EMAIL
from tests.builders import MONDAY
from tests.collector import an_arrival, check

ARRIVAL = an_arrival(max_batch_events=50, max_event_bytes=4_096)

texts = st.text(max_size=20) | st.sampled_from(["ada@lovelace.example", "", " ", "\x00", "a|b", "\n", "NaN", "1e400", "é" * 600])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
json_values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12)


def an_object(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """An object that has some of these names, with values of any kind."""
    return st.dictionaries(st.sampled_from(names) | texts, json_values, max_size=8)


calls = an_object(
    "type", "event", "userId", "anonymousId", "messageId", "traits", "properties", "context", "timestamp", "sentAt", "groupId", "previousId"
)
"""Nearly Segment's."""
good_calls = st.builds(
    lambda kind, context, rest: {"event": "X", "groupId": "g", "previousId": "p", "userId": "u"} | {"type": kind, "context": context} | rest,
    st.sampled_from(["track", "page", "screen", "identify", "group", "alias"]),
    an_object("page", "campaign", "library", "consent", "traits", "ip", "externalIds", "groupId", "userAgent"),
    st.dictionaries(st.sampled_from(["traits", "properties"]), an_object("email", "phone", "name", "url", "search"), max_size=2),
)
payloads = an_object("e", "eid", "uid", "duid", "nuid", "dtm", "stm", "ttm", "ue_pr", "ue_px", "co", "cx", "se_ac", "se_va", "url", "refr", "ip", "p")
cloud = an_object("id", "source", "type", "specversion", "subject", "time", "data", "data_base64", "partitionkey")
own_events = an_object(*own.FIELDS)
mails = an_object("event", "email", "timestamp", "sg_event_id", "recipient", "user-variables", "client-info", "geolocation", "url", "ip", "id")

WEBHOOK = WebhookSettings(kind="mailgun", secret="x" * 20, fields={"type": "$.t", "user_id": "$..u", "properties.x": "$.x[0]", "person.email": "$.m"})
PARSERS: dict[str, tuple[Callable[[Any, Arrival], Parsed], st.SearchStrategy[Any]]] = {
    "segment batch": (segment.parse_batch, st.fixed_dictionaries({"batch": st.lists(calls | good_calls | json_values, max_size=5)}) | json_values),
    "segment call": (lambda given, arrival: segment.parse_call(given, "identify", arrival), calls | good_calls | json_values),
    "snowplow": (
        lambda given, arrival: snowplow.parse_payload(given, arrival, is_anonymous=False),
        st.fixed_dictionaries({"data": st.lists(payloads | json_values, max_size=4)}) | json_values,
    ),
    "own": (own.parse, st.lists(own_events, max_size=4) | own_events | json_values),
    "cloudevents": (
        lambda given, arrival: cloudevents.parse(json.dumps(given).encode(), {"content-type": cloudevents.BATCHED}, arrival),
        st.lists(cloud | json_values, max_size=4) | json_values,
    ),
}


@pytest.mark.parametrize("name", PARSERS)
def test_every_item_becomes_an_event_or_a_bad_event(name: str):
    """Nothing is lost: as many come out as went in; each event can be written, and would be taken by the job that reads it."""
    parse, sent = PARSERS[name]

    @given(sent)
    def tried(given_json: Any) -> None:
        decoded = json_of(json.dumps(given_json).encode())
        found = None
        with suppress(PoisonRecordError):
            found = parse(decoded, ARRIVAL)
        if found is None:
            return
        check(found)
        items = decoded.get("batch", decoded.get("data")) if isinstance(decoded, dict) else decoded
        if isinstance(items, list) and name != "segment call":
            assert len(items) == len(found.events) + len(found.bad)

    tried()


@given(st.binary(max_size=300))
@example(b"\x1f\x8b")
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_are_json_or_refused(body: bytes):
    """Bytes that are no JSON, or no gzip, are refused with a reason."""
    for encoding in ("", "gzip", "br"):
        with suppress(PoisonRecordError):
            json_of(bodies.inflated(body, encoding, 1_000))


@given(
    st.binary(max_size=200), st.dictionaries(st.sampled_from(["ce-id", "ce-type", "ce-source", "ce-time", "ce-specversion", "content-type"]), texts)
)
def test_any_request_is_a_cloudevent_or_refused(body: bytes, headers: dict[str, str]):
    """In every mode."""
    with suppress(PoisonRecordError):
        check(cloudevents.parse(body, headers, ARRIVAL))


@given(st.binary(max_size=200) | texts.map(lambda text: f"data={base64.b64encode(text.encode()).decode()}".encode()))
def test_any_query_is_a_pixel_or_refused(query: bytes):
    """Queries are what a browser makes of them."""
    for parse in (
        lambda: segment.parse_pixel(query, "track", ARRIVAL),
        lambda: snowplow.parse_pixel(query, ARRIVAL, is_anonymous=True),
    ):
        with suppress(PoisonRecordError):
            check(parse())
    credentials.of_query(query)
    snowplow.app_id(None, query)


@given(mails | json_values)
def test_any_mail_event_is_one_or_refused(item: Any):
    """What comes signed is judged like everything else."""
    for read in (sendgrid._read, mailgun._read):
        with suppress(PoisonRecordError):
            check(Parsed([read(item, "{}", ARRIVAL)], []))


@given(an_object("t", "u", "x", "m"))
def test_any_mapping_gives_an_event_or_refuses(item: dict[str, Any]):
    """A mapping finds nothing, one thing or many."""
    with suppress(PoisonRecordError):
        check(Parsed([mapped._read(item, "{}", WEBHOOK.fields, ARRIVAL)], []))


@given(st.text(max_size=60))
def test_no_header_lets_anybody_in_by_breaking(header: str):
    """Any text is a key or none."""
    found = credentials.of_header(header)

    assert found is None or found


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """JSON of a batch, in which some bytes may be others."""
    sent = {"batch": draw(st.lists(json_values, max_size=4))} | draw(an_object("sentAt"))
    body = bytearray(json.dumps(sent, ensure_ascii=draw(st.booleans())).encode())
    for place, some in draw(st.lists(st.tuples(st.integers(0, len(body)), st.binary(max_size=3) | st.sampled_from(ODD)), max_size=2)):
        body[place : place + draw(st.integers(0, 2))] = some
    return bytes(body)


ODD = (b"\\ud800", b"1e999", b"9" * 40, b"\xed\xa0\x80", b"[", b"]", b'"', b",", b"-0", b'"batch":[1],')


@given(damaged())
def test_an_outline_is_what_decoding_would_have_told(body: bytes):
    """Whatever has an outline can be decoded, and holds as many events, the same one first."""
    outline = outline_of(body, "batch")

    if outline is not None:
        items = json_of(body)["batch"]
        assert Outline(len(items), items[0] if isinstance(items[0], dict) else None) == outline


@given(json_values, st.none() | st.integers(0, 2**45), st.integers(946_684_800_000, 2**45))
def test_a_corrected_time_is_never_ahead(stamp: Any, sent_at: int | None, received_at: int):
    """Nothing occurs after its arrival, or before the year 2000, whatever two clocks say."""
    sent = None if sent_at is None else Millis(sent_at)
    occurred_at, _ = corrected(instant_of(stamp), sent, Millis(received_at))

    assert 946_684_800_000 <= occurred_at <= received_at


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**10), st.integers(0, 10**10))
def test_a_constant_skew_of_the_sender_does_not_matter(skew: int, age: int, transit: int):
    """A clock that is wrong by the same amount at both stamps gives the same time."""
    received = MONDAY + transit
    true = corrected(Millis(MONDAY - age), MONDAY, Millis(received))
    skewed = corrected(Millis(MONDAY - age + skew), Millis(MONDAY + skew), Millis(received))

    assert true == skewed


@given(st.text(max_size=100))
def test_addresses_of_places_hide_people(text: str):
    """No URL, text or network address lets an e-mail through."""
    context: dict[str, str] = {}
    put_url(f"https://x.example/{text}?utm_source={text}&q=ada@lovelace.example", "page.url", context)
    address(text, whole=False)

    assert not any(EMAIL.search(value) for value in (*context.values(), masked(f"{text} ada@lovelace.example")))
