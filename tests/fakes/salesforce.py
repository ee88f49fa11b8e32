"""Salesforce as far as ProX and `simple-salesforce` use it: leads, contacts, collections, queries, Bulk 2.0, and its ways to say no."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count, pairwise
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.fakes.faults import Fault, Faults, json_answer

CLIENT_ID, CLIENT_SECRET, USERNAME = "consumer-key", "consumer-secret", "push@acme.example"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
OURS = ("Lead_Id", "Score", "Propensity", "Grade", "Reasons_For", "Reasons_Against", "Model_Version", "As_Of", "Revision", "Expected_At")
SOQL = re.compile(r"SELECT (?P<fields>.+?) FROM (?P<kind>\w+) WHERE (?P<by>\w+) IN \((?P<values>.*)\)$")
VALUE = re.compile(r"'((?:[^'\\]|\\.)*)'")
ROOT = "/services/data/{version}"
BATCH = 200
CHUNKS = 10
"""So often records may change their type in one call."""


@dataclass
class Salesforce:
    """An org.

    Parameters
    ----------
    allotment
        Calls of the day; `used` of them are spent, by whomever.
    public_key
        PEM of the connected app's certificate; empty: no JWT is taken.
    """

    allotment: int = 100_000
    used: int = 0
    public_key: str = ""
    faults: Faults = field(default_factory=Faults)
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {"Lead": {}, "Contact": {}, "Opportunity": {}})
    fields: dict[str, set[str]] = field(default_factory=dict)
    writes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    invalid: set[str] = field(default_factory=set)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrivals: list[float] = field(default_factory=list)
    tokens_given: int = 0

    def __post_init__(self) -> None:
        self._ids = count(1)
        self._access: set[str] = set()
        self._by_key: dict[tuple[str, str], str] = {}
        self.fields = {kind: {"Id", "Email", "LastName", "Company", *(f"ProX_{name}__c" for name in OURS)} for kind in self.records}
        self.fields["Lead"] |= {"IsConverted", "ConvertedContactId", "ConvertedOpportunityId"}
        self.fields["Opportunity"] -= {"Email", "ProX_Lead_Id__c"}
        job = f"{ROOT}/jobs/ingest/{{job}}"
        self.app = Starlette(
            routes=[
                Route("/services/oauth2/token", self._token, methods=["POST"]),
                Route(f"{ROOT}/query", self._serving(self._query), methods=["GET"]),
                Route(f"{ROOT}/query/", self._serving(self._query), methods=["GET"]),
                Route(f"{ROOT}/composite/sobjects", self._serving(self._collect), methods=["PATCH"]),
                Route(f"{ROOT}/composite/sobjects/{{kind}}/{{key}}", self._serving(self._collect), methods=["PATCH"]),
                Route(f"{ROOT}/sobjects/{{kind}}/describe", self._serving(self._describe), methods=["GET"]),
                Route(f"{ROOT}/jobs/ingest", self._serving(self._create_job), methods=["POST"]),
                Route(job, self._serving(self._job), methods=["GET", "PATCH"]),
                Route(f"{job}/batches", self._serving(self._upload), methods=["PUT"]),
                Route(f"{job}/failedResults", self._serving(self._failed), methods=["GET"]),
            ]
        )

    def add(self, kind: str = "Lead", **fields: Any) -> str:
        """A record that people made; gives its id."""
        prefix = {"Lead": "00Q", "Contact": "003", "Opportunity": "006"}[kind]
        record = f"{prefix}{next(self._ids):015d}"
        self.records[kind][record] = dict(fields)
        self._by_key[kind, fields.get("ProX_Lead_Id__c", "")] = record
        return record

    def convert(self, lead: str, *, opportunity: bool = False) -> str:
        """A salesperson converts a lead; gives the contact's id."""
        contact = self.add("Contact", Email=self.records["Lead"][lead].get("Email"))
        self.records["Lead"][lead] |= {"IsConverted": True, "ConvertedContactId": contact}
        if opportunity:
            self.records["Lead"][lead]["ConvertedOpportunityId"] = self.add("Opportunity")
        return contact

    def deploy(self, package: Mapping[str, str]) -> None:
        """An administrator deploys a metadata package."""
        for path, content in package.items():
            if path.startswith("objects/"):
                kind = path.removeprefix("objects/").removesuffix(".object")
                self.fields[kind] |= {str(field.text) for field in ET.fromstring(content).iter("{http://soap.sforce.com/2006/04/metadata}fullName")}

    def by_lead(self, lead: str, kind: str = "Lead") -> dict[str, Any]:
        """The record that carries our id."""
        return next(each for each in self.records[kind].values() if each.get("ProX_Lead_Id__c") == lead)

    def _serving(self, handler: Any) -> Any:
        async def serve(request: Request) -> Response:
            fault = self.faults.next()
            self.used += 1
            self.arrivals.append(monotonic())
            response = self._refusal(request, fault) or await self.faults.serve(fault, request, handler)
            response.headers["Sforce-Limit-Info"] = f"api-usage={min(self.used, self.allotment)}/{self.allotment}"
            return response

        return serve

    def _refusal(self, request: Request, fault: Fault | None) -> Response | None:
        if fault is Fault.EXPIRED:
            self._access.clear()
        if self.used > self.allotment or fault is Fault.QUOTA_SPENT:
            return _error(403, "REQUEST_LIMIT_EXCEEDED")
        match fault:
            case Fault.THROTTLED | Fault.THROTTLED_MUTE:
                return _error(429, "TOO_MANY_REQUESTS", **({"Retry_After": "1"} if fault is Fault.THROTTLED else {}))
            case Fault.SERVER_ERROR:
                return _error(500, "UNKNOWN_EXCEPTION")
            case Fault.UNAVAILABLE:
                return _error(503, "SERVER_UNAVAILABLE", Retry_After="1")
            case Fault.LOCKED:
                return _error(400, "UNABLE_TO_LOCK_ROW")
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return _error(401, "INVALID_SESSION_ID") if given not in self._access or self.faults.is_revoked else None

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        is_known = form.get("client_id") == CLIENT_ID and form.get("client_secret") == CLIENT_SECRET
        if form.get("grant_type") == JWT_BEARER and self.public_key:
            try:
                claims = jwt.decode(form["assertion"], self.public_key, algorithms=["RS256"], audience="https://login.salesforce.com")
                is_known = (CLIENT_ID, USERNAME) == (claims["iss"], claims["sub"])
            except jwt.PyJWTError:
                is_known = False
        if not is_known or self.faults.is_revoked:
            return json_answer({"error": "invalid_grant", "error_description": "authentication failure"}, 400)
        self.tokens_given += 1
        token = f"session-{self.tokens_given}"
        self._access.add(token)
        return json_answer({"access_token": token, "instance_url": str(request.base_url).rstrip("/"), "token_type": "Bearer"})

    async def _query(self, request: Request) -> Response:
        asked = SOQL.match(request.query_params["q"])
        if asked is None:
            return _error(400, "MALFORMED_QUERY")
        names, kind = [name.strip() for name in asked["fields"].split(",")], asked["kind"]
        if not {*names, asked["by"]} <= self.fields[kind]:
            return _error(400, "INVALID_FIELD")
        values = {re.sub(r"\\(.)", r"\1", value).lower() for value in VALUE.findall(asked["values"])}
        found = [each | {"Id": record} for record, each in self.records[kind].items() if str(each.get(asked["by"], "")).lower() in values]
        rows = [{"attributes": {"type": kind}, **{name: each.get(name) for name in names}} for each in found]
        return json_answer({"totalSize": len(rows), "done": True, "records": rows})

    async def _collect(self, request: Request) -> Response:
        records = (await request.json())["records"]
        if len(records) > BATCH:
            return _error(400, "EXCEEDED_MAX_SIZE_REQUEST")
        if any(name not in self.fields[each["attributes"]["type"]] for each in records for name in each if name not in ("attributes", "id")):
            return _error(400, "INVALID_FIELD")
        kinds = [each["attributes"]["type"] for each in records]
        if sum(before != after for before, after in pairwise(kinds)) >= CHUNKS:
            return _error(400, "INVALID_BATCH_SIZE")
        key = request.path_params.get("key")
        seen = [each.get(key) if key else each["id"] for each in records]
        return json_answer([self._write(each, key, is_twice=seen.count(value) > 1) for each, value in zip(records, seen, strict=True)])

    def _write(self, sent: Mapping[str, Any], key: str | None, *, is_twice: bool = False) -> dict[str, Any]:
        kind = sent["attributes"]["type"]
        of_kind = self.records[kind]
        lead = sent.get("ProX_Lead_Id__c", "")
        matching = self._having(kind, key, sent[key]) if key else [record for record in (sent["id"],) if record in of_kind]
        if is_twice or len(matching) > 1:
            return _refused("DUPLICATE_VALUE")
        if lead in self.invalid:
            return _refused("FIELD_CUSTOM_VALIDATION_EXCEPTION")
        if lead in self.faults.records_locked:
            self.faults.records_locked.discard(lead)
            return _refused("UNABLE_TO_LOCK_ROW")
        if not matching:
            return _refused("REQUIRED_FIELD_MISSING" if key else "ENTITY_IS_DELETED")
        if of_kind[matching[0]].get("IsConverted"):
            return _refused("CANNOT_UPDATE_CONVERTED_LEAD")
        of_kind[matching[0]] |= {name: value for name, value in sent.items() if name not in ("attributes", "id")}
        self.writes.append((matching[0], dict(sent)))
        return {"id": matching[0], "success": True, "errors": [], "created": False}

    def _having(self, kind: str, key: str, value: str) -> list[str]:
        """Records by our id; looked up where an index says so, as a back-fill asks for thousands."""
        of_kind = self.records[kind]
        known = self._by_key.get((kind, value))
        if known is not None and of_kind.get(known, {}).get(key) == value:
            return [known]
        return [record for record, each in of_kind.items() if each.get(key) == value]

    async def _describe(self, request: Request) -> Response:
        return json_answer({"fields": [{"name": name} for name in sorted(self.fields[request.path_params["kind"]])]})

    async def _create_job(self, request: Request) -> Response:
        job = f"750{len(self.jobs):012d}"
        self.jobs[job] = {"id": job, "state": "Open", "numberRecordsProcessed": 0, "numberRecordsFailed": 0, **(await request.json())}
        return json_answer(self.jobs[job])

    async def _upload(self, request: Request) -> Response:
        self.jobs[request.path_params["job"]]["rows"] = (await request.body()).decode()
        return Response(status_code=201)

    async def _job(self, request: Request) -> Response:
        job = self.jobs[request.path_params["job"]]
        if request.method == "PATCH":
            job["state"] = (await request.json())["state"]
        elif job["state"] == "UploadComplete":
            job["state"] = "InProgress"
        elif job["state"] == "InProgress":
            rows = list(csv.DictReader(io.StringIO(job["rows"])))
            results = [(row, self._write({"attributes": {"type": job["object"]}, **row}, job["externalIdFieldName"])) for row in rows]
            job["failed"] = [(row, result) for row, result in results if not result["success"]]
            job |= {"state": "JobComplete", "numberRecordsProcessed": len(rows), "numberRecordsFailed": len(job["failed"])}
        return json_answer({name: value for name, value in job.items() if name not in ("rows", "failed")})

    async def _failed(self, request: Request) -> Response:
        job = self.jobs[request.path_params["job"]]
        key = job["externalIdFieldName"]
        lines = [f"sf__Id,sf__Error,{key}", *(f",{result['errors'][0]['statusCode']}:no,{row[key]}" for row, result in job["failed"])]
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/csv")


def _error(status: int, code: str, **headers: str) -> Response:
    return json_answer([{"errorCode": code, "message": code.lower()}], status, **headers)


def _refused(code: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": code.lower(), "fields": []}]}
