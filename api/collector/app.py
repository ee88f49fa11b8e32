"""The collector as an ASGI app: request in, Kafka's acknowledgement, answer out.

Plain ASGI and a table of paths: a framework's routing and validation would cost as much as parsing an event.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple, Protocol

from api.collector import bodies, credentials, hubspot
from api.collector.answers import STATUS, Answer, answer, as_json, error, retry
from api.collector.document import document
from api.collector.keys import KeyStore, WriteKey, hashed
from api.collector.metrics import Counts
from api.collector.outline import SMALL, Outline, outline_of
from api.collector.replays import Tokens
from api.collector.request import Request, Scope
from api.collector.routes import GET, PATHS, POST, SETTINGS_PREFIX, SETTINGS_SUFFIX, Route, Sent
from api.collector.sender import Sender
from connectors.kafka.acknowledging import Outgoing
from infra.logging import Key, LogEvent, get_logger
from models.collecting import requests
from models.collecting.arrival import Arrival, Parsed, check_count, json_of
from models.collecting.places import address
from models.collecting.protocols.snowplow import app_id
from schemas.codec import Codec
from schemas.errors import PoisonRecordError, RateLimitedError, RetriableError
from schemas.ids import Millis, lead_key
from schemas.sent_request import SenderWords, SentRequest
from schemas.topics import Topic

RETRY_AFTER_S = 2
"""Kafka's election of a new leader takes about that."""
LONGEST_WINDOW_S = 2 * 86_400.0
"""A stamp may be a day old, or a day ahead."""
WHOLE_REQUEST = 4_194_304
"""Room for a body whose length was not said."""
ALLOWED_HEADERS = b"Authorization, Content-Type, Content-Encoding, X-Retry-Count, SP-Anonymous, anonymousId"
LONGEST_NUMBER = 15
"""Digits of a length that is believed."""
SERVICE = {"/health", "/ready", "/sink-health", "/metrics", "/openapi.json"}

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Acknowledging(Protocol):
    """Where records go (`connectors.kafka.acknowledging`)."""

    @property
    def records(self) -> int: ...  # noqa: D102 - records under way
    def refusal(self) -> str | None: ...  # noqa: D102
    def send(self, records: list[Outgoing]) -> "asyncio.Future[None]": ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


class Parts(NamedTuple):
    """What a collector is made of.

    `clock` gives milliseconds since 1970; `topics` the full names of the topics it writes; `country_header` is in small letters, or empty;
    of more events than `reads_up_to` a request is published whole; `portals` are the accounts of HubSpot whose webhooks are taken.
    """

    keys: KeyStore
    producer: Acknowledging
    codec: Codec
    topics: Mapping[Topic, str]
    clock: Callable[[], Millis]
    pseudonym_key: bytes
    release: str
    country_header: str = ""
    body_bytes: int = 67_108_864
    reads_up_to: int = 10
    portals: Mapping[int, hubspot.Portal] = {}


class Collector:
    """The ASGI app.

    Parameters
    ----------
    opened
        Opens the parts in the event loop that serves; called once, at start-up.
    """

    def __init__(self, opened: Callable[[], Parts]) -> None:
        self._opened = opened
        self._counts = Counts()
        self._duration = {route.protocol: self._counts.duration.labels(route.protocol) for route in (*POST.values(), *GET.values())}
        self._ids = itertools.count()
        self._id_prefix = secrets.token_hex(8)
        self._senders: dict[str, Sender] = {}
        self._tokens = Tokens(LONGEST_WINDOW_S)
        self._reading = 0
        self._log = get_logger()
        self._parts: Parts | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        request = Request(scope)
        try:
            found = await self._answer(request, receive)
        except Exception as exc:  # noqa: BLE001, RUF100 - the outermost: nothing of it may reach a sender, and its text may hold a payload
            self._log.error(
                LogEvent.REQUEST_FAILED, **{Key.METHOD: request.method, Key.ROUTE: _route_of(request), Key.ERROR_TYPE: type(exc).__name__}
            )
            found = error(500, "internal_error", "something went wrong here; it was logged")
        await send({"type": "http.response.start", "status": found.status, "headers": [*found.headers, *_cors(request)]})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else found.body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._parts = self._opened()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._parts.producer.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, request: Request, receive: Receive) -> Answer:
        method, path = request.method, request.path
        route = POST.get(path) if method == "POST" else GET.get(path) if method in ("GET", "HEAD") else None
        if route is None:
            return self._aside(request)
        if self._parts is None:  # served without a lifespan, as some test clients do
            self._parts = self._opened()
        began = time.perf_counter()
        try:
            events = await self._accept(route, request, receive, self._parts)
        except RateLimitedError as exc:
            self._counts.refused.labels(route.protocol, "quota").inc()
            return retry(429, "rate_limited", str(exc), round(exc.retry_after_s or RETRY_AFTER_S))
        except RetriableError:
            self._counts.refused.labels(route.protocol, "overload").inc()
            return retry(route.retry_status, "overloaded", f"not accepted: send it again in {RETRY_AFTER_S} s", RETRY_AFTER_S)
        except TimeoutError:
            return error(408, "too_slow", "the body did not come in time")
        except PoisonRecordError as exc:
            self._counts.refused.labels(route.protocol, exc.reason).inc()
            status = route.too_large_status if exc.reason == "too_large" else STATUS.get(exc.reason, 400)
            return error(status, exc.reason, str(exc))
        self._duration[route.protocol].observe(time.perf_counter() - began)
        return events

    async def _accept(self, route: Route, request: Request, receive: Receive, parts: Parts) -> Answer:
        why = parts.producer.refusal()
        if why:
            raise RetriableError(why)
        key = None if route.is_of_portal else self._key_of_head(request, parts.keys)
        sender = self._checked(key) if key else None
        limit = key.max_request_bytes if key else WHOLE_REQUEST
        body = await self._read(request, receive, limit, parts.body_bytes) if request.method == "POST" else b""
        body = bodies.inflated(body, request.header(b"content-encoding").strip().lower(), limit)
        outline = outline_of(body, route.holder) if sender and route.holder and len(body) > SMALL else None
        if outline is not None and outline.events <= parts.reads_up_to:
            outline = None
        given = json_of(body) if route.is_json and outline is None else None
        if key is None or sender is None:
            key = _key_of_portal(given, parts.portals) if route.is_of_portal else _key_of_body(route, request, given, parts.keys)
            sender = self._checked(key)
            if len(body) > key.max_request_bytes:
                raise PoisonRecordError(f"more than {key.max_request_bytes} bytes: send smaller batches", reason="too_large")
        arrival = self._arrival(key, request, parts)
        sent = Sent(request, body, given, key, parts.portals)
        items = route.items(sent) if outline is None else None
        if items is not None and len(items) > parts.reads_up_to:
            outline = Outline(len(items), items[0])
        if outline is not None:
            events = outline.events
            check_count(events, key.max_batch_events)
            sender.spend(events)
            whole = _whole(route, sent, outline.first, arrival, parts)
            del body, given, sent, items, outline
            await parts.producer.send([whole])
            sender.count(route.protocol, events)
            return route.accepted
        found = route.parse(sent, arrival)
        del body, given, sent, items  # while Kafka is slow, only what waits for it is held
        sender.spend(len(found.events) + len(found.changes) + len(found.bad))
        if found.token and self._tokens.is_used(found.token, time.monotonic()):
            return route.accepted  # a replay, or a repeat of what was accepted: either way there is nothing to do
        records = self._records(found, route, key, arrival, parts)
        if found.token is None:
            await parts.producer.send(records)
        else:
            await self._send_once(found.token, records, parts)
        self._count(found, route, sender)
        return route.accepted

    async def _send_once(self, token: str, records: list[Outgoing], parts: Parts) -> None:
        self._tokens.use(token, time.monotonic())
        try:
            await parts.producer.send(records)
        except BaseException:
            self._tokens.give_back(token)
            raise

    async def _read(self, request: Request, receive: Receive, limit: int, room: int) -> bytes:
        said = request.header(b"content-length")
        size = min(int(said), limit) if said.isascii() and said.isdigit() and len(said) <= LONGEST_NUMBER else limit
        if self._reading + size > room:
            raise RetriableError("too many bodies are being read")
        self._reading += size
        try:
            return await bodies.read(receive, limit)
        finally:
            self._reading -= size

    @staticmethod
    def _key_of_head(request: Request, keys: KeyStore) -> WriteKey | None:
        given = credentials.of_header(request.header(b"authorization")) or credentials.of_query(request.query)
        if given is None:
            return None
        key = keys.by_key(given)
        if key is None:
            raise PoisonRecordError("the write key is unknown", reason="unauthorized")
        return key

    def _checked(self, key: WriteKey) -> Sender:
        """Whoever sends with a key; refused when its rate is spent."""
        known = self._senders.get(key.sha256)
        if known is None or (known.key is not key and known.key != key):  # new, or its operator has changed it
            known = self._senders[key.sha256] = Sender(key, self._counts)
        known.check()
        return known

    def _arrival(self, key: WriteKey, request: Request, parts: Parts) -> Arrival:
        ip = request.address
        country = request.header(parts.country_header.encode()) if parts.country_header else ""
        return Arrival(
            key.tenant,
            key.source,
            parts.clock(),
            parts.pseudonym_key,
            f"{self._id_prefix}{next(self._ids):x}",
            address(ip, whole=key.keep_ip) if ip and not request.is_anonymous else None,
            key.keep_ip,
            request.header(b"user-agent") or None,
            country.strip().upper()[:2] or None,
            request.header(b"sec-gpc").strip() == "1",
            key.max_event_bytes,
            key.max_batch_events,
        )

    def _records(self, found: Parsed, route: Route, key: WriteKey, arrival: Arrival, parts: Parts) -> list[Outgoing]:
        encode, name = parts.codec.encode, parts.topics[Topic.EVENTS_RECEIVED]
        records = [Outgoing(name, lead_key(event.tenant, event.lead).encode(), encode(event), event.occurred_at) for event in found.events]
        if found.changes:
            noticed = parts.topics[Topic.CHANGES_NOTICED]
            records += [Outgoing(noticed, change.key.encode(), encode(change), change.occurred_at) for change in found.changes]
        if found.bad:
            dead = parts.topics[Topic.RECORDS_DEAD]
            for bad in found.bad:
                letter = requests.letter_of(
                    bad, tenant=key.tenant, source=key.source, protocol=route.protocol, failed_at=arrival.received_at, release=parts.release
                )
                records.append(Outgoing(dead, letter.key or b"", encode(letter), letter.failed_at))
        return records

    def _count(self, found: Parsed, route: Route, sender: Sender) -> None:
        key = sender.key
        sender.count(route.protocol, len(found.events) + len(found.changes))
        clamped = sum(event.is_clamped for event in found.events)
        if clamped:
            self._counts.clamped.labels(key.tenant, key.source).inc(clamped)
        if found.bad:
            for bad in found.bad:
                self._counts.dead.labels(key.tenant, f"collector.{route.protocol}", bad.reason).inc()
            self._log.info(
                LogEvent.RECORD_DEAD_LETTERED,
                **{Key.TENANT_ID: key.tenant, Key.STAGE: f"collector.{route.protocol}", Key.COUNT: len(found.bad), Key.REASON: found.bad[0].reason},
            )

    def _aside(self, request: Request) -> Answer:
        """Everything but events: preflight, the browser SDK's settings, health, the document."""
        path, method = request.path, request.method
        is_settings = path.startswith(SETTINGS_PREFIX) and path.endswith(SETTINGS_SUFFIX)
        if path not in PATHS and path not in SERVICE and not is_settings:
            return error(404, "not_found", "nothing is here: /openapi.json lists the paths")
        if method == "OPTIONS":
            return _preflight(request)
        if method not in ("GET", "HEAD") or (path in PATHS and path not in GET):
            allowed = b", ".join([*([b"POST"] if path in POST else []), *([b"GET"] if path not in POST or path in GET else []), b"OPTIONS"])
            return error(405, "method_not_allowed", f"{method[:20]} is not taken here", (b"allow", allowed))
        if is_settings:
            return self._settings(path[len(SETTINGS_PREFIX) : -len(SETTINGS_SUFFIX)], request)
        return self._service(path)

    def _service(self, path: str) -> Answer:
        match path:
            case "/openapi.json":
                return as_json(document())
            case "/metrics":
                if self._parts:
                    self._counts.queued.set(self._parts.producer.records)
                return answer(200, self._counts.text(), (b"content-type", b"text/plain; version=0.0.4"))
            case "/health":
                return as_json({"status": "up"})
        why = self._parts.producer.refusal() if self._parts else "not started"
        return retry(503, "not_ready", why, RETRY_AFTER_S) if why else as_json({"status": "ready"})

    def _settings(self, given: str, request: Request) -> Answer:
        """What Segment's browser SDK asks before it sends: where to, and no other destinations."""
        if self._parts is None:
            self._parts = self._opened()
        if self._parts.keys.by_key(given) is None:
            return error(404, "unknown_key", "the write key is unknown")
        host = request.header(b"host")
        scheme = request.scope.get("scheme", "http")
        here = {"apiKey": given, "apiHost": f"{host}/v1", "protocol": scheme, "addBundledMetadata": False, "unbundledIntegrations": []}
        return as_json({"integrations": {"Segment.io": here}, "plan": {"track": {"__default": {"enabled": True}}}, "edgeFunction": {}})


def _key_of_body(route: Route, request: Request, given: Any, keys: KeyStore) -> WriteKey:
    if route.protocol == "snowplow":
        name = app_id(given, request.query)
        key = keys.by_host(request.host) or (keys.by_app_id(name) if name else None)
        if key is None:
            raise PoisonRecordError("neither the host nor the application id (aid) is any key's", reason="unauthorized")
        return key
    name = credentials.of_body(given)
    if name is None:
        raise PoisonRecordError("no write key: send it by Basic or Bearer authorization, or as writeKey", reason="unauthorized")
    key = keys.by_key(name)
    if key is None:
        raise PoisonRecordError("the write key is unknown", reason="unauthorized")
    return key


def _key_of_portal(given: Any, portals: Mapping[int, hubspot.Portal]) -> WriteKey:
    """The limits of an account of HubSpot: those of a key. Its signature is checked when the body is read."""
    portal = hubspot.portals_of(given, portals)[0]
    return WriteKey(sha256=hashed(f"{hubspot.CRM}|{portal.tenant}"), tenant=portal.tenant, source=hubspot.CRM)


def _whole(route: Route, sent: Sent, first: Any, arrival: Arrival, parts: Parts) -> Outgoing:
    """The request as one record."""
    request = SentRequest(
        arrival.tenant,
        arrival.source,
        arrival.request_id,
        route.protocol,
        arrival.received_at,
        SenderWords(arrival.ip, sent.body),
        arrival.user_agent,
        arrival.country,
        arrival.gpc,
        arrival.keeps_ip,
        sent.request.is_anonymous,
        arrival.max_event_bytes,
    )
    key = requests.key_of(arrival.tenant, first, parts.pseudonym_key)
    return Outgoing(parts.topics[Topic.REQUESTS_RECEIVED], key, parts.codec.encode(request), arrival.received_at)


def _preflight(request: Request) -> Answer:
    origin = request.header(b"webhook-request-origin")
    if origin:  # CloudEvents: may this sender send, and how fast
        rate = request.header(b"webhook-request-rate") or "*"
        return answer(200, b"", (b"webhook-allowed-origin", _safe(origin)), (b"webhook-allowed-rate", _safe(rate)), (b"allow", b"POST, OPTIONS"))
    return answer(
        200,
        b"",
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", ALLOWED_HEADERS),
        (b"access-control-max-age", b"3600"),
    )


def _cors(request: Request) -> list[tuple[bytes, bytes]]:
    origin = request.header(b"origin")
    if not origin:
        return []
    # Snowplow's browser tracker sends with credentials, for which `*` will not do; nothing here trusts a cookie
    return [(b"access-control-allow-origin", _safe(origin)), (b"access-control-allow-credentials", b"true"), (b"vary", b"Origin")]


def _safe(value: str) -> bytes:
    return "".join(c for c in value if " " <= c <= "~").encode()


def _route_of(request: Request) -> str:
    return request.path if request.path in PATHS or request.path in SERVICE else "other"
