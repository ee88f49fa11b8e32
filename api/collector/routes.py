"""One table: path → protocol."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from api.collector import hubspot, webhooks
from api.collector.answers import ACCEPTED, PIXEL, SNOWPLOW, Answer
from api.collector.keys import WriteKey
from api.collector.request import Request
from models.collecting.arrival import Arrival, Parsed, json_of
from models.collecting.protocols import cloudevents, own, segment, snowplow


class Sent(NamedTuple):
    """What a request brought: the body as it was (inflated), its JSON where the route wants it, whose it is, and the accounts of HubSpot."""

    request: Request
    body: bytes
    given: Any
    key: WriteKey
    portals: Mapping[int, hubspot.Portal] = {}


class Route(NamedTuple):
    """What a path takes and how it answers.

    `items` tells the events of a request that may be published whole, to be read later (`models.collecting.requests`); None: it is always
    read at once. `holder` is the name under which a JSON object holds them, for `api.collector.outline`.
    `retry_status` is what tells its senders to wait: 429 where a 429 with `Retry-After` costs no try, 503 where 429 is given up.
    """

    protocol: str
    parse: Callable[[Sent, Arrival], Parsed]
    accepted: Answer = ACCEPTED
    is_json: bool = True
    items: Callable[[Sent], list[Any] | None] = lambda _: None
    holder: str = ""
    retry_status: int = 429
    too_large_status: int = 413
    is_of_portal: bool = False
    """Whether the account of HubSpot that the body names stands for the write key."""


def _call(kind: str) -> Route:
    return Route("segment", lambda sent, arrival: segment.parse_call(sent.given, kind, arrival))


def _pixel(kind: str) -> Route:
    return Route("pixel", lambda sent, arrival: segment.parse_pixel(sent.request.query, kind, arrival), PIXEL, is_json=False)


def _cloudevents(sent: Sent) -> list[Any] | None:
    is_batch = cloudevents.media_type_of(sent.request.headers) == cloudevents.BATCHED
    return cloudevents.items_of(json_of(sent.body)) if is_batch else None


BATCH = Route(
    "segment", lambda sent, arrival: segment.parse_batch(sent.given, arrival), items=lambda sent: segment.items_of(sent.given), holder="batch"
)
CLOUDEVENTS = Route(
    "cloudevents", lambda sent, arrival: cloudevents.parse(sent.body, sent.request.headers, arrival), is_json=False, items=_cloudevents
)
WEBHOOKS = Route(
    "webhook", lambda sent, arrival: webhooks.parse(sent.body, sent.request.headers, sent.key.webhook, arrival), is_json=False, retry_status=503
)
HUBSPOT = Route(
    "hubspot", lambda sent, arrival: hubspot.parse(sent.body, sent.request.headers, sent.portals, arrival), retry_status=503, is_of_portal=True
)
TRACKER = Route(
    "snowplow",
    lambda sent, arrival: snowplow.parse_payload(sent.given, arrival, is_anonymous=sent.request.is_anonymous),
    SNOWPLOW,
    items=lambda sent: snowplow.items_of(sent.given),
    holder="data",
    retry_status=503,
    too_large_status=400,  # its tracker sends again what was answered with 413
)
TRACKER_PIXEL = Route(
    "snowplow",
    lambda sent, arrival: snowplow.parse_pixel(sent.request.query, arrival, is_anonymous=sent.request.is_anonymous),
    PIXEL,
    is_json=False,
    retry_status=503,
    too_large_status=400,
)

POST: dict[str, Route] = {
    **{f"/v1/{path}": _call(kind) for short, kind in segment.KINDS.items() if kind != "batch" for path in (short, kind)},
    **dict.fromkeys(("/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"), BATCH),
    "/v1/events": Route("prox", lambda sent, arrival: own.parse(sent.given, arrival), items=lambda sent: own.items_of(sent.given), holder="events"),
    "/v1/cloudevents": CLOUDEVENTS,
    "/v1/webhooks": WEBHOOKS,
    "/v1/crm/hubspot": HUBSPOT,
    "/com.snowplowanalytics.snowplow/tp2": TRACKER,
}
GET: dict[str, Route] = {
    **{f"/pixel/v1/{kind}": _pixel(kind) for kind in segment.KINDS.values() if kind != "batch"},
    "/i": TRACKER_PIXEL,
    "/com.snowplowanalytics.snowplow/tp2": TRACKER_PIXEL,
}
PATHS = POST.keys() | GET.keys()
SETTINGS_PREFIX, SETTINGS_SUFFIX = "/v1/projects/", "/settings"
