"""HubSpot as far as ProX and its official client use it: requests and answers are validated against the vendor's OpenAPI documents."""

import json
import os
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from time import monotonic, time_ns
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

import typer
import uvicorn
from jsonschema import Draft4Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.crm.instants import text_of
from tests.fakes.faults import Fault, Faults, json_answer
from tests.fakes.hubspot_records import CONTACT, DEAL, Past, Webhooks

CONTRACTS = Path(os.environ.get("TEST_CONTRACTS", Path(__file__).parents[3] / "shared/contracts")) / "hubspot"
DOCUMENTS = ("contacts-v3", "deals-v3", "properties-v3", "oauth-v1")
CREATED = "2026-01-05T09:00:00.000Z"
TOKEN = "pat-secret-of-a-private-app"
CLIENT_ID, CLIENT_SECRET, REFRESH = "app-7", "app-secret", "refresh-secret"
BATCH = 100
HISTORY_PAGE = 50


@cache
def contract() -> dict[tuple[str, str], tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(method, path) → operation and its document. Empty where the vendor's documents are not at hand."""
    operations = {}
    for name in DOCUMENTS if CONTRACTS.is_dir() else ():
        document = json.loads((CONTRACTS / f"{name}.json").read_text(encoding="utf-8"))
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                operations[method.upper(), path] = (operation, document)
    return operations


@dataclass
class HubSpot:
    """An account.

    Parameters
    ----------
    token
        Of the private app.
    burst, daily
        Requests in any `burst_s` seconds, and in all: more are refused, and counted in `exceeded`.
    validates
        Whether requests and answers are checked against the vendor's documents: it takes longer than answering them.
    """

    token: str = TOKEN
    burst: int = 190
    burst_s: float = 10.0
    daily: int = 625_000
    token_life_s: int = 1_800
    validates: bool = True
    faults: Faults = field(default_factory=Faults)
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    written_at: list[int] = field(default_factory=list)
    invalid: set[str] = field(default_factory=set)
    blocklist: set[str] = field(default_factory=set)
    arrivals: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    exceeded: int = 0
    tokens_given: int = 0
    deals: dict[str, dict[str, str]] = field(default_factory=dict)
    people_of: dict[str, list[str]] = field(default_factory=dict)
    past: dict[tuple[str, str], Past] = field(default_factory=dict)
    deleted_at: dict[str, int] = field(default_factory=dict)
    webhooks: Webhooks | None = None

    def __post_init__(self) -> None:
        self._ids = count(501)
        self._window: deque[float] = deque()
        self._access: set[str] = {self.token}
        self._merged: dict[str, str] = {}
        self._by_lead: dict[str, str] = {}
        for name in ("email", "hs_additional_emails", "lastname"):
            self.properties[name] = {"name": name, "hasUniqueValue": name == "email"}
        objects, properties = "/crm/v3/objects/contacts", "/crm/v3/properties/{objectType}"
        self._paths = {
            objects: {"GET": self._list_contacts},
            "/crm/v3/objects/0-3": {"GET": self._list_deals},
            "/crm/v3/objects/0-3/{dealId}": {"GET": self._one_deal},
            f"{objects}/batch/read": {"POST": self._batch_read},
            f"{objects}/batch/update": {"POST": self._batch_update},
            f"{objects}/batch/upsert": {"POST": self._batch_upsert},
            f"{objects}/gdpr-delete": {"POST": self._gdpr_delete},
            f"{objects}/merge": {"POST": self._merge},
            f"{properties}/groups": {"GET": self._list_groups, "POST": self._create_group},
            properties: {"GET": self._list_properties, "POST": self._create_property},
            "/oauth/v1/token": {"POST": self._token},
        }
        routes = [Route(path, self._serving(path), methods=list(methods)) for path, methods in self._paths.items()]
        # the official client names deals, where the vendor's document has their number
        named = {path: path.replace("/0-3", "/deals") for path in self._paths if "/0-3" in path}
        routes += [Route(name, self._serving(path), methods=list(self._paths[path])) for path, name in named.items()]
        self.app = Starlette(routes=routes)

    def add(self, **properties: str) -> str:
        """A contact that people made; gives its id."""
        record = str(next(self._ids))
        self.contacts[record] = dict(properties)
        self._by_lead[properties.get("prox_lead_id", "")] = record
        return record

    def add_deal(self, *people: str, at: int, **properties: str) -> str:
        """A deal in which these contacts take part; gives its id."""
        deal = str(next(self._ids))
        self.deals[deal] = {}
        self.people_of[deal] = list(people)
        self.change(DEAL, deal, at, **properties)
        return deal

    def change(self, kind: str, record: str, at: int, **properties: str) -> None:
        """Somebody sets properties of a record; webhooks tell it."""
        (self.deals if kind == DEAL else self.contacts)[record].update(properties)
        self.past.setdefault((kind, record), Past()).note(at, properties)
        for name, value in properties.items():
            self._tell(f"{kind}.propertyChange", at, objectId=int(record), propertyName=name, propertyValue=value)

    def delete(self, contact: str, at: int) -> None:
        """Into the recycle bin."""
        del self.contacts[contact]
        self.deleted_at[contact] = at
        self._tell("contact.deletion", at, objectId=int(contact))

    def forget(self, contact: str, at: int) -> None:
        """By its person's right: the recycle bin has it neither."""
        del self.contacts[contact]
        self._tell("contact.privacyDeletion", at, objectId=int(contact))

    def merge(self, kept: str, gone: str, at: int) -> None:
        """A person makes one of two contacts."""
        self._join(kept, gone)
        self.past.setdefault((CONTACT, kept), Past()).changed_at = at
        self._tell("contact.merge", at, objectId=int(kept), primaryObjectId=int(kept), mergedObjectIds=[int(gone)], newObjectId=int(kept))

    def _tell(self, subscription: str, at: int, **more: Any) -> None:
        if self.webhooks is not None:
            self.webhooks.tell(subscription, at, **more)

    def set_up(self) -> None:
        """Our properties, as set-up makes them."""
        for name in (
            "lead_id",
            "score",
            "propensity",
            "grade",
            "reasons_for",
            "reasons_against",
            "model_version",
            "as_of",
            "revision",
            "expected_at",
        ):
            self.properties[f"prox_{name}"] = {"name": f"prox_{name}", "hasUniqueValue": name == "lead_id"}

    def by_lead(self, lead: str) -> dict[str, str]:
        """The contact that carries our id."""
        return next(contact for contact in self.contacts.values() if contact.get("prox_lead_id") == lead)

    def _serving(self, path: str) -> Any:
        async def serve(request: Request) -> Response:
            fault = self.faults.next()
            refusal = None if path == "/oauth/v1/token" else self._refusal(request, fault)
            if self.validates:
                self._check_request(request.method, path, await request.body(), request.headers.get("content-type", ""))
            response = refusal or await self.faults.serve(fault, request, self._paths[path][request.method])
            if self.validates:
                self._check_answer(request.method, path, response)
            return response

        return serve

    def _refusal(self, request: Request, fault: Fault | None) -> Response | None:  # noqa: PLR0911 - one line for each flavour
        now = monotonic()
        while self._window and self._window[0] <= now - self.burst_s:
            self._window.popleft()
        self._window.append(now)
        self.arrivals.append(now)
        if len(self._window) > self.burst:
            self.exceeded += 1
            return _throttled("TEN_SECONDLY_ROLLING", 1)
        if len(self.arrivals) > self.daily:
            self.exceeded += 1
            return _throttled("DAILY", None)
        match fault:
            case Fault.THROTTLED:
                return _throttled("TEN_SECONDLY_ROLLING", 1)
            case Fault.THROTTLED_MUTE:
                return _throttled("TEN_SECONDLY_ROLLING", None)
            case Fault.QUOTA_SPENT:
                return _throttled("DAILY", 2)
            case Fault.SERVER_ERROR:
                return json_answer(_error("INTERNAL_ERROR", "it broke"), 500)
            case Fault.UNAVAILABLE:
                return json_answer(_error("UNAVAILABLE", "come back"), 503, Retry_After="1")
            case Fault.LOCKED:
                return json_answer(_error("CONFLICT", "somebody else writes"), 409)
            case Fault.EXPIRED if request.headers.get("authorization", "")[7:] != self.token:
                self._access = {self.token}
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if given not in self._access or self.faults.is_revoked:
            return json_answer(_error("EXPIRED_AUTHENTICATION", "the token expired or was revoked"), 401)
        return None

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        expected = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH}
        if form != expected or self.faults.is_revoked:
            return json_answer(_error("BAD_REFRESH_TOKEN", "missing or invalid refresh token"), 400)
        self.tokens_given += 1
        token = f"access-{self.tokens_given}"
        self._access.add(token)
        return json_answer(
            {"access_token": token, "refresh_token": REFRESH, "token_type": "bearer", "token_use": "access_token", "expires_in": self.token_life_s}
        )

    async def _batch_read(self, request: Request) -> Response:
        body = await request.json()
        by, wanted = body.get("idProperty"), body["properties"]
        results, missing = [], []
        for each in body["inputs"]:
            record = self._find(by, each["id"])
            if record is None:
                missing.append(each["id"])
            else:
                contact = _contact(record, {name: self.contacts[record].get(name) for name in wanted})
                results.append(contact | self._story(CONTACT, record, body.get("propertiesWithHistory") or []))
        if len(body["inputs"]) > BATCH or len({each["id"] for each in body["inputs"]}) < len(body["inputs"]):
            return json_answer(_error("VALIDATION_ERROR", "too many inputs, or one twice"), 400)
        errors = [_item_error("OBJECT_NOT_FOUND", ids=missing)] if missing else []
        return self._batch(results, errors)

    async def _batch_update(self, request: Request) -> Response:
        return self._write((await request.json())["inputs"], creates=False)

    async def _batch_upsert(self, request: Request) -> Response:
        return self._write((await request.json())["inputs"], creates=True)

    def _write(self, inputs: list[dict[str, Any]], *, creates: bool) -> Response:
        unknown = {name for each in inputs for name in each["properties"]} - self.properties.keys()
        if unknown:
            return json_answer(_error("VALIDATION_ERROR", f"PROPERTY_DOESNT_EXIST: {sorted(unknown)}"), 400)
        found = [self._find(each.get("idProperty"), each["id"]) for each in inputs]
        known = [record for record in found if record is not None]
        if len(inputs) > BATCH or len(set(known)) < len(known) or len({each["id"] for each in inputs}) < len(inputs):
            return json_answer(_error("VALIDATION_ERROR", "too many inputs, or one twice"), 400)
        has_traces = all("objectWriteTraceId" in each for each in inputs)
        results, errors = [], []
        for each, existing in zip(inputs, found, strict=True):
            trace = {"objectWriteTraceId": each["objectWriteTraceId"]} if has_traces else {}
            lead = each["properties"].get("prox_lead_id", "")
            if existing is None and not creates:
                errors.append(_item_error("OBJECT_NOT_FOUND", **{name: [value] for name, value in trace.items()}))
            elif lead in self.invalid:
                errors.append(_item_error("VALIDATION_ERROR", **{name: [value] for name, value in trace.items()}))
            elif lead in self.faults.records_locked:
                self.faults.records_locked.discard(lead)
                errors.append(_item_error("CONFLICT", **{name: [value] for name, value in trace.items()}))
            else:
                is_new = existing is None
                record = existing or str(next(self._ids))
                before = self.contacts.setdefault(record, {})
                if is_new and each.get("idProperty"):
                    before[each["idProperty"]] = each["id"]
                before.update(each["properties"])
                self._by_lead[lead] = record
                self.writes.append((record, dict(each["properties"])))
                self.written_at.append(time_ns() // 1_000_000)
                results.append(_contact(record, before) | trace | ({"new": is_new} if creates else {}))
        if errors and not has_traces:
            return json_answer(_error("VALIDATION_ERROR", "one of the inputs is wrong"), 400)
        return self._batch(results, errors)

    async def _gdpr_delete(self, request: Request) -> Response:
        body = await request.json()
        record = self._find(body.get("idProperty"), body["objectId"])
        if record is None:
            self.blocklist.add(body["objectId"])
        else:
            del self.contacts[record]
        return Response(status_code=204)

    async def _merge(self, request: Request) -> Response:
        body = await request.json()
        self._join(body["primaryObjectId"], body["objectIdToMerge"])
        return json_answer(_contact(body["primaryObjectId"], self.contacts[body["primaryObjectId"]]))

    def _join(self, kept: str, gone: str) -> None:
        merged = self.contacts.pop(gone)
        into = self.contacts[kept]
        self._merged[gone] = kept
        emails = [email for email in (merged.get("email"), into.get("hs_additional_emails")) if email]
        ids = ";".join(filter(None, [into.get("hs_merged_object_ids"), gone]))
        self.contacts[kept] = merged | into | {"hs_additional_emails": ";".join(emails), "hs_merged_object_ids": ids}

    async def _list_contacts(self, request: Request) -> Response:
        if request.query_params.get("archived") == "true":
            gone = {record: {"email": ""} for record in self.deleted_at}
            return self._listed(CONTACT, gone, request)
        return self._listed(CONTACT, self.contacts, request)

    async def _list_deals(self, request: Request) -> Response:
        return self._listed(DEAL, self.deals, request)

    async def _one_deal(self, request: Request) -> Response:
        deal = request.path_params["dealId"]
        if deal not in self.deals:
            return json_answer(_error("OBJECT_NOT_FOUND", "no such deal"), 404)
        return json_answer(self._shown(DEAL, deal, self.deals[deal], request))

    def _listed(self, kind: str, records: Mapping[str, Mapping[str, str]], request: Request) -> Response:
        asked = request.query_params
        limit, after = int(asked.get("limit", 10)), int(asked.get("after") or 0)
        if limit > (HISTORY_PAGE if "propertiesWithHistory" in asked else BATCH):
            return json_answer(_error("VALIDATION_ERROR", "limit is too high"), 400)
        rest = sorted((record for record in records if int(record) > after), key=int)
        results = [self._shown(kind, record, records[record], request) for record in rest[:limit]]
        more = {"paging": {"next": {"after": rest[limit - 1]}}} if len(rest) > limit else {}
        return json_answer({"results": results, **more})

    def _shown(self, kind: str, record: str, properties: Mapping[str, str], request: Request) -> dict[str, Any]:
        wanted = _names(request, "properties")
        shown = _contact(record, {name: properties.get(name) for name in wanted}) | self._story(
            kind, record, _names(request, "propertiesWithHistory")
        )
        if record in self.deleted_at:
            shown |= {"archived": True, "archivedAt": text_of(self.deleted_at[record])}
        people = [{"id": contact, "type": "deal_to_contact"} for contact in self.people_of.get(record, ())]
        return shown | (
            {"associations": {"contacts": {"results": people}}} if people and kind == DEAL and "associations" in request.query_params else {}
        )

    def _story(self, kind: str, record: str, names: list[str]) -> dict[str, Any]:
        past = self.past.get((kind, record))
        if past is None:
            return {}
        return {"updatedAt": text_of(past.changed_at)} | ({"propertiesWithHistory": past.shown(names)} if names else {})

    async def _list_groups(self, _: Request) -> Response:
        return json_answer({"results": list(self.groups.values())})

    async def _create_group(self, request: Request) -> Response:
        body = await request.json()
        if body["name"] in self.groups:
            return json_answer(_error("CONFLICT", "there is one"), 409)
        self.groups[body["name"]] = {"archived": False, "displayOrder": -1, **body}
        return json_answer(self.groups[body["name"]], 201)

    async def _list_properties(self, _: Request) -> Response:
        return json_answer({"results": [_property(each) for each in self.properties.values()]})

    async def _create_property(self, request: Request) -> Response:
        body = await request.json()
        if body["name"] in self.properties or body["groupName"] not in self.groups:
            return json_answer(_error("CONFLICT", "there is one, or no such group"), 409)
        self.properties[body["name"]] = body
        return json_answer(_property(body), 201)

    def _find(self, by: str | None, value: str) -> str | None:
        if by is None:
            record = self._merged.get(value, value)
            return record if record in self.contacts else None
        if by == "prox_lead_id":
            record = self._by_lead.get(value, "")
            return record if self.contacts.get(record, {}).get(by) == value else None
        for record, contact in self.contacts.items():
            also = contact.get("hs_additional_emails", "").split(";") if by == "email" else []
            if value in (contact.get(by), *also):
                return record
        return None

    def _batch(self, results: list[dict[str, Any]], errors: list[dict[str, Any]]) -> Response:
        body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": CREATED, "completedAt": CREATED}
        left = {"X_HubSpot_RateLimit_Daily_Remaining": str(max(0, self.daily - len(self.arrivals)))}
        if errors:
            return json_answer(body | {"numErrors": len(errors), "errors": errors}, 207, **left)
        return json_answer(body, **left)

    def _check_request(self, method: str, path: str, body: bytes, kind: str) -> None:
        operation, document = contract().get((method, path), ({}, {}))
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content and kind.startswith("application/json"):
            self._check(f"request {method} {path}", content["schema"], document, json.loads(body))

    def _check_answer(self, method: str, path: str, response: Response) -> None:
        operation, document = contract().get((method, path), ({}, {}))
        answers = operation.get("responses", {})
        if not answers or not getattr(response, "body", b""):
            return
        answer = answers.get(str(response.status_code), {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}})
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if schema and "Error" in document.get("components", {}).get("schemas", {}):
            self._check(f"answer {response.status_code} of {method} {path}", schema, document, json.loads(bytes(response.body)))

    def _check(self, what: str, schema: Mapping[str, Any], document: Mapping[str, Any], body: object) -> None:
        for error in _validator(json.dumps(schema), id(document), _Documents.hold(document)).iter_errors(body):
            self.violations.append(f"{what}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")


class _Documents:
    """Keeps a document for the cache below, which cannot hash it."""

    held: dict[int, Mapping[str, Any]] = {}  # noqa: RUF012 - filled once

    @classmethod
    def hold(cls, document: Mapping[str, Any]) -> int:
        cls.held[id(document)] = document
        return id(document)


@cache
def _validator(schema: str, _: int, held: int) -> Draft4Validator:
    # OpenAPI 3.0's schemas are JSON Schema of draft 4 or so, and refer to the document around them
    return Draft4Validator({**json.loads(schema), "components": _Documents.held[held]["components"]})


def _contact(record: str, properties: Mapping[str, str | None]) -> dict[str, Any]:
    shown = {name: value for name, value in properties.items() if value is not None}
    return {"id": record, "properties": shown, "createdAt": CREATED, "updatedAt": CREATED, "archived": False}


def _property(body: Mapping[str, Any]) -> dict[str, Any]:
    given = {"label": body["name"], "type": "string", "fieldType": "text", "description": "", "groupName": "contactinformation", "options": []}
    return {**given, **body}


def _error(category: str, message: str) -> dict[str, Any]:
    return {"category": category, "message": message, "correlationId": str(UUID(int=7)), "status": "error"}


def _item_error(category: str, **context: Iterable[str]) -> dict[str, Any]:
    named = {name: list(values) for name, values in context.items()}
    return {"status": "error", "category": category, "message": category.lower(), "context": named, "errors": [], "links": {}}


def _throttled(policy: str, retry_after: int | None) -> Response:
    body = _error("RATE_LIMITS", "too many requests") | {"errorType": "RATE_LIMIT", "policyName": policy}
    return json_answer(body, 429, **({} if retry_after is None else {"Retry_After": str(retry_after)}))


def _names(request: Request, parameter: str) -> list[str]:
    """Joined by commas, or said again and again, as the official client does."""
    return [name for text in request.query_params.getlist(parameter) for name in text.split(",") if name]


def main(port: Annotated[int, typer.Option()]) -> None:
    """Serve an account whose token is in FAKE_TOKEN, until it is stopped."""
    fake = HubSpot(token=os.environ["FAKE_TOKEN"], validates=False)
    uvicorn.run(fake.app, host="127.0.0.1", port=port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    typer.run(main)
