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

from connectors.crm.instants import millis_of, text_of
from tests.fakes.faults import Fault, Faults, json_answer

CLIENT_ID, CLIENT_SECRET, USERNAME = "consumer-key", "consumer-secret", "push@acme.example"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
OURS = ("Lead_Id", "Score", "Propensity", "Grade", "Reasons_For", "Reasons_Against", "Model_Version", "As_Of", "Revision", "Expected_At")
SOQL = re.compile(
    r"SELECT (?P<fields>.+?) FROM (?P<kind>\w+)(?: WHERE (?P<where>.+?))?(?P<order> ORDER BY SystemModstamp, Id)?(?: LIMIT (?P<limit>\d+))?$"
)
IN = re.compile(r"(?P<by>\w+) IN \((?P<values>.*?)\)(?P<living> AND Is(?:Deleted|Converted) = false)?$")
SINCE = re.compile(r"SystemModstamp (?P<sign>>=?) (?P<at>\S+?)(?: OR \(SystemModstamp = \S+ AND Id > '(?P<id>\w*)'\))?$")
PREFIXES = {"Lead": "00Q", "Contact": "003", "Opportunity": "006", "OpportunityHistory": "008", "OpportunityContactRole": "00K"}
REQUIRED = {"Lead": ("LastName", "Company"), "Contact": ("LastName",), "Opportunity": ("Name", "StageName", "CloseDate")}
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
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {kind: {} for kind in PREFIXES})
    fields: dict[str, set[str]] = field(default_factory=dict)
    writes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    invalid: set[str] = field(default_factory=set)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrivals: list[float] = field(default_factory=list)
    tokens_given: int = 0
    now: int = 1_772_442_000_000
    """Stamps what people do; a test turns it."""
    rows_at_once: int = 2_000

    def __post_init__(self) -> None:
        self._ids = count(1)
        self._access: set[str] = set()
        self._by_key: dict[tuple[str, str], str] = {}
        self._cursors: dict[str, list[dict[str, Any]]] = {}
        system = {"Id", "SystemModstamp", "IsDeleted", "MasterRecordId"}
        self.fields = {kind: {*system, "Email", "LastName", "Company", *(f"ProX_{name}__c" for name in OURS)} for kind in ("Lead", "Contact")}
        self.fields["Lead"] |= {
            "IsConverted",
            "ConvertedContactId",
            "ConvertedOpportunityId",
            "Status",
            "Industry",
            "NumberOfEmployees",
            "Sales_Grade__c",
        }
        self.fields["Contact"] |= {"Account.Industry"}
        self.fields["Opportunity"] = {*system, "StageName", "Amount", "CreatedDate", "OwnerId", *(f"ProX_{name}__c" for name in OURS)} - {
            "MasterRecordId",
            "ProX_Lead_Id__c",
        }
        self.fields["OpportunityHistory"] = {"Id", "OpportunityId", "StageName", "CreatedDate"}
        self.fields["OpportunityContactRole"] = {"Id", "OpportunityId", "ContactId", "Contact.Email", "Contact.ProX_Lead_Id__c"}
        job = f"{ROOT}/jobs/ingest/{{job}}"
        self.app = Starlette(
            routes=[
                Route("/services/oauth2/token", self._token, methods=["POST"]),
                Route(f"{ROOT}/query", self._serving(self._query), methods=["GET"]),
                Route(f"{ROOT}/query/", self._serving(self._query), methods=["GET"]),
                Route(f"{ROOT}/queryAll", self._serving(self._query), methods=["GET"]),
                Route(f"{ROOT}/queryAll/", self._serving(self._query), methods=["GET"]),
                Route(f"{ROOT}/query/{{cursor}}", self._serving(self._more), methods=["GET"]),
                Route(f"{ROOT}/queryAll/{{cursor}}", self._serving(self._more), methods=["GET"]),
                Route(f"{ROOT}/composite/sobjects", self._serving(self._collect), methods=["POST", "PATCH"]),
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
        record = f"{PREFIXES[kind]}{next(self._ids):015d}"
        self.records[kind][record] = {"SystemModstamp": self.now, "CreatedDate": self.now, "IsDeleted": False, **fields}
        self._by_key[kind, fields.get("ProX_Lead_Id__c", "")] = record
        return record

    def convert(self, lead: str, *, opportunity: bool = False) -> str:
        """A salesperson converts a lead; gives the contact's id."""
        contact = self.add("Contact", Email=self.records["Lead"][lead].get("Email"))
        self.change("Lead", lead, IsConverted=True, ConvertedContactId=contact)
        if opportunity:
            self.change("Lead", lead, ConvertedOpportunityId=self.add("Opportunity"))
        return contact

    def change(self, kind: str, record: str, **fields: Any) -> None:
        """Somebody sets fields of a record; an opportunity's stages have a history."""
        self.records[kind][record] |= {"SystemModstamp": self.now, **fields}
        if kind == "Opportunity" and "StageName" in fields:
            self.add("OpportunityHistory", OpportunityId=record, StageName=fields["StageName"], CreatedDate=self.now)

    def add_deal(self, *contacts: str, **fields: Any) -> str:
        """An opportunity in which these contacts have roles."""
        deal = self.add("Opportunity")
        self.change("Opportunity", deal, **fields)
        for contact in contacts:
            self.add("OpportunityContactRole", OpportunityId=deal, ContactId=contact)
        return deal

    def delete(self, kind: str, record: str, *, into: str | None = None) -> None:
        """Into the recycle bin; or merged into another record."""
        self.change(kind, record, IsDeleted=True, MasterRecordId=into)

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
        if not set(names) <= self.fields[kind]:
            return _error(400, "INVALID_FIELD")
        with_deleted = "queryAll" in request.url.path
        found = [each | {"Id": record} for record, each in self.records[kind].items() if with_deleted or not each["IsDeleted"]]
        if asked["where"]:
            filtered = self._filtered(kind, asked["where"], found)
            if filtered is None:
                return _error(400, "MALFORMED_QUERY")
            found = filtered
        if asked["order"]:
            found.sort(key=lambda each: (each["SystemModstamp"], each["Id"]))
        rows = [{"attributes": {"type": kind}, **self._row(each, names)} for each in found[: int(asked["limit"] or len(found))]]
        return self._answered(rows)

    def _filtered(self, kind: str, where: str, found: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        one_of, since = IN.match(where), SINCE.match(where)
        if one_of is not None and one_of["by"] in self.fields[kind]:
            values = {re.sub(r"\\(.)", r"\1", value).lower() for value in VALUE.findall(one_of["values"])}
            living = [each for each in found if not (one_of["living"] and (each["IsDeleted"] or each.get("IsConverted")))]
            return [each for each in living if str(each.get(one_of["by"], "")).lower() in values]
        if since is not None:
            at, is_closed, id_ = millis_of(since["at"]), since["sign"] == ">=", since["id"]
            return [
                each
                for each in found
                if each["SystemModstamp"] > at or (each["SystemModstamp"] == at and (is_closed or (id_ is not None and each["Id"] > id_)))
            ]
        return None

    def _row(self, each: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name in names:
            first, _, rest = name.partition(".")
            if rest:
                other = self.records["Contact"].get(each.get("ContactId", ""), {}) if first == "Contact" else each.get(first) or {}
                row.setdefault(first, {})[rest] = other.get(rest)
            else:
                row[name] = text_of(each[name]).replace("Z", "+0000") if name in ("SystemModstamp", "CreatedDate") else each.get(name)
        return row

    def _answered(self, rows: list[dict[str, Any]]) -> Response:
        if len(rows) <= self.rows_at_once:
            return json_answer({"totalSize": len(rows), "done": True, "records": rows})
        cursor = f"01g{next(self._ids):012d}-{self.rows_at_once}"
        self._cursors[cursor] = rows[self.rows_at_once :]
        first = {"totalSize": len(rows), "done": False, "records": rows[: self.rows_at_once]}
        return json_answer(first | {"nextRecordsUrl": f"/services/data/v62.0/query/{cursor}"})

    async def _more(self, request: Request) -> Response:
        rows = self._cursors.pop(request.path_params["cursor"], None)
        return _error(400, "INVALID_QUERY_LOCATOR") if rows is None else self._answered(rows)

    async def _collect(self, request: Request) -> Response:
        records = (await request.json())["records"]
        if len(records) > BATCH:
            return _error(400, "EXCEEDED_MAX_SIZE_REQUEST")
        if any(name not in self.fields[each["attributes"]["type"]] for each in records for name in each if name not in ("attributes", "id")):
            return _error(400, "INVALID_FIELD")
        kinds = [each["attributes"]["type"] for each in records]
        if sum(before != after for before, after in pairwise(kinds)) >= CHUNKS:
            return _error(400, "INVALID_BATCH_SIZE")
        if request.method == "POST":
            return json_answer([self._insert(each) for each in records])
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
        own = {name: value for name, value in sent.items() if name not in ("attributes", "id")}
        of_kind[matching[0]] |= own | {"SystemModstamp": self.now}
        self.writes.append((matching[0], dict(sent)))
        return {"id": matching[0], "success": True, "errors": [], "created": False}

    def _insert(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        kind = sent["attributes"]["type"]
        lead = sent.get("ProX_Lead_Id__c", "")
        if not all(sent.get(name) for name in REQUIRED[kind]):
            return _refused("REQUIRED_FIELD_MISSING")
        if lead and self._having(kind, "ProX_Lead_Id__c", lead):
            return _refused("DUPLICATE_VALUE")
        if lead in self.invalid:
            return _refused("FIELD_CUSTOM_VALIDATION_EXCEPTION")
        record = self.add(kind, **{name: value for name, value in sent.items() if name != "attributes"})
        self.writes.append((record, dict(sent)))
        return {"id": record, "success": True, "errors": []}

    def _having(self, kind: str, key: str, value: str) -> list[str]:
        """Records by our id; looked up where an index says so, as a back-fill asks for thousands."""
        of_kind = self.records[kind]
        known = self._by_key.get((kind, value))
        indexed = of_kind.get(known, {}) if known is not None else {}
        if known is not None and indexed.get(key) == value and not indexed["IsDeleted"]:
            return [known]
        return [record for record, each in of_kind.items() if each.get(key) == value and not each["IsDeleted"]]

    async def _describe(self, request: Request) -> Response:
        names = sorted(self.fields[request.path_params["kind"]])
        related = {name.partition(".")[0] for name in names if "." in name}
        fields = [{"name": name, "relationshipName": None} for name in names if "." not in name]
        return json_answer({"fields": fields + [{"name": f"{name}Id", "relationshipName": name} for name in related]})

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
