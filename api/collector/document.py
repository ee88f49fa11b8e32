"""The OpenAPI document: every path, what it takes, and every answer it may give."""

from functools import cache
from http import HTTPStatus
from typing import Any

from api.collector.routes import GET, POST, Route

VERSION = "1.0.0"
"""Of the protocols, which is not the release's."""
ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    "example": {"code": "no_events", "message": "no events"},
}
OBJECT = {"type": "object"}
TEXT = {"type": "string", "maxLength": 512}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/batch": {
        "type": "object",
        "required": ["batch"],
        "properties": {"batch": {"type": "array", "minItems": 1, "items": OBJECT}, "sentAt": TEXT, "context": OBJECT},
    },
    "/v1/events": {"oneOf": [OBJECT, {"type": "array", "minItems": 1, "items": OBJECT}]},
    "/com.snowplowanalytics.snowplow/tp2": {
        "type": "object",
        "required": ["schema", "data"],
        "properties": {"schema": TEXT, "data": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": TEXT}}},
    },
}
CALL = {
    "type": "object",
    "properties": {"userId": TEXT, "anonymousId": TEXT, "messageId": TEXT, "event": TEXT, "properties": OBJECT, "traits": OBJECT, "context": OBJECT},
}
DESCRIPTION = (
    "Segment's and RudderStack's tracking calls, Snowplow's tracker protocol, CloudEvents 1.0, signed webhooks and ProX's own JSON. "
    "An event is accepted when Kafka has it. Events of a batch are judged one by one: a bad one is kept with its reason, the batch is still accepted."
)


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    for path, route in POST.items():
        paths.setdefault(path, {})["post"] = _operation(path, route, body=True)
    for path, route in GET.items():
        paths.setdefault(path, {})["get"] = _operation(path, route, body=False)
    json = {"application/json": {"schema": OBJECT}}
    for path, what in (("/health", "whether it runs"), ("/ready", "whether Kafka takes records")):
        paths[path] = {"get": {"summary": what, "security": [], "responses": {"200": _answer(200, json), **_errors(503)}}}
    paths["/v1/projects/{key}/settings"] = {
        "get": {
            "summary": "what Segment's browser SDK asks before it sends",
            "security": [],
            "parameters": [{"name": "key", "in": "path", "required": True, "schema": TEXT}],
            "responses": {"200": _answer(200, json), **_errors(404)},
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "ProX collector", "version": VERSION, "description": DESCRIPTION},
        "paths": paths,
        "security": [{"basic": []}, {"bearer": []}, {"query": []}],
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "the write key as the user's name"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "writeKey"},
            },
        },
    }


def _operation(path: str, route: Route, *, body: bool) -> dict[str, Any]:
    media_type = dict(route.accepted.headers)[b"content-type"].decode()
    operation: dict[str, Any] = {
        "summary": f"{route.protocol}: {path}",
        "responses": {
            "200": _answer(200, {media_type: {"schema": OBJECT if "json" in media_type else {"type": "string"}}}),
            **_errors(400, 401, 408, 413, 429, route.retry_status),
        },
    }
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": BODIES.get(path, CALL)}}}
    return operation


def _answer(status: int, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, "content": content}


def _errors(*statuses: int) -> dict[str, Any]:
    schema = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {str(status): _answer(status, schema) for status in sorted(set(statuses))}
