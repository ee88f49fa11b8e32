"""Scores → custom fields of leads and, once they are converted, of contacts."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from connectors.crm import fields
from connectors.crm.addresses import AWAY, emails_of
from connectors.crm.contract import Addresses, Answer, Answered, Item, Request, Stage, Verdict, kind_of
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.config import SalesforceConfig
from schemas.errors import PoisonRecordError

LEAD, CONTACT, OPPORTUNITY = "Lead", "Contact", "Opportunity"
CONVERTED = "Converted"
"""Kind of a converted lead's record: `Converted/003…+006…`, its contact and its opportunity, written together."""
COLLECTION = 200
"""Records in one call."""
ID_LENGTH = 255
NAME_LENGTH = 80
NOT_PROVIDED = "[not provided]"
"""What Salesforce itself writes where a company is missing."""
QUERY_BYTES = 10_000
"""Of a query's ids: Salesforce refuses addresses beyond 16,384 bytes, and an encoded quote takes three."""
COLLECTIONS = "/composite/sobjects"
CONVERSION = "IsConverted, ConvertedContactId, ConvertedOpportunityId"


@cache  # a dozen names, asked for each record
def field_of(name: str) -> str:
    """The API name of one of our fields.

    Examples
    --------
    >>> field_of("lead_id")
    'ProX_Lead_Id__c'
    """
    return f"ProX_{name.title()}__c"


def _field(field: fields.Field) -> str:
    return field_of(field.name)


LEAD_ID = field_of(fields.LEAD_ID)
SHOWN = [LEAD_ID, *(field_of(name) for name in (fields.REVISION, fields.GRADE, fields.PROPENSITY))]
MEANINGS = {
    "UNABLE_TO_LOCK_ROW": Verdict.RETRY,
    "SERVER_UNAVAILABLE": Verdict.RETRY,
    "ENTITY_IS_DELETED": Verdict.MISSING,
    "NOT_FOUND": Verdict.MISSING,
    "INVALID_CROSS_REFERENCE_KEY": Verdict.MISSING,
    # looked for again, and then found converted
    "CANNOT_UPDATE_CONVERTED_LEAD": Verdict.MISSING,
}
"""Status code of one item → what to do; anything else is refused."""


def shown_on(kind: str) -> Sequence[fields.Field]:
    """Our fields of a kind of record. An opportunity is written by its own id: several leads may have been converted into it."""
    return [field for field in fields.FIELDS if kind != OPPORTUNITY or field.name != fields.LEAD_ID]


class SalesforceSink:
    """One org, as `contract.Sink`.

    Parameters
    ----------
    config, client
        The org.
    addresses
        Where leads' e-mail addresses are.
    values
        What is written of a score.
    """

    def __init__(self, config: SalesforceConfig, addresses: Addresses, client: SalesforceClient, *, values: fields.Values = fields.values_of) -> None:
        self._values = values
        self.limits = config.limits()
        self._kinds = (LEAD, CONTACT, OPPORTUNITY) if config.opportunities else (LEAD, CONTACT)
        self._addresses = addresses
        self._client = client

    async def set_up(self) -> list[str]:
        """The names of our fields that are not there: Salesforce takes them by a metadata package (docs/crm.md), not by this API."""
        missing = []
        for kind in self._kinds:
            known = {each["name"] for each in (await self._client.ask("GET", f"/sobjects/{kind}/describe")).body["fields"]}
            missing += [f"{kind}.{field_of(field.name)}" for field in shown_on(kind) if field_of(field.name) not in known]
        return missing

    async def send(self, request: Request) -> Answered:
        """Carry a request out."""
        match request.stage:
            case Stage.LOOK:
                return await self._look(request.items)
            case Stage.MATCH:
                return await self._match(request.items)
            case Stage.LINK | Stage.WRITE if kind_of(request.items[0].record) == CONVERTED:
                return await self._write_converted(request.items)
            case Stage.LINK:
                records = [self._record(item) | {"id": item.record.rpartition("/")[2], LEAD_ID: item.lead} for item in request.items]
                return await self._collect(COLLECTIONS, request.items, records)
            case Stage.WRITE if not request.items[0].record:
                return await self._create(request.items)
            case Stage.WRITE:
                kind = kind_of(request.items[0].record)
                records = [self._record(item, kind) | {LEAD_ID: item.lead} for item in request.items]
                return await self._collect(f"{COLLECTIONS}/{kind}/{LEAD_ID}", request.items, records)

    async def erase(self, lead: str) -> bool:
        """Empty our fields of the records that carry the lead's id; whether there were any. The record itself is people's: they delete it.

        Raises
        ------
        PoisonRecordError
            Salesforce refuses to empty one; a converted lead is locked for good, so it is passed over.
        """
        records = []
        for kind in (LEAD, CONTACT):
            open_ones = " AND IsConverted = false" if kind == LEAD else ""
            found, _ = await self._query(f"SELECT Id FROM {kind} WHERE {LEAD_ID} IN ({_quoted([lead])}){open_ones}")  # noqa: S608 - quoted
            records += [{"attributes": {"type": kind}, "id": each["Id"], **dict.fromkeys(map(_field, fields.FIELDS))} for each in found]
        if records:
            results = (await self._client.ask("PATCH", COLLECTIONS, body={"allOrNone": False, "records": records})).body
            refused = [str((each.get("errors") or [{}])[0].get("statusCode", "unknown")) for each in results if not each.get("success")]
            if refused:
                raise PoisonRecordError(f"Salesforce does not empty {len(refused)} of {len(records)} records: {', '.join(refused)}", reason="refused")
        return bool(records)

    async def close(self) -> None:
        """End connections."""
        await self._client.close()

    async def _query(self, soql: str) -> tuple[list[dict[str, Any]], int | None]:
        reply = await self._client.ask("GET", "/query", params={"q": soql})
        return list(reply.body["records"]), reply.daily_left

    async def _look(self, items: Sequence[Item]) -> Answered:
        """By our id, among contacts if we know that the lead is one."""
        kind = kind_of(items[0].record).replace(CONVERTED, CONTACT) or LEAD
        asked = _fitting([item.lead for item in items])
        converted = f", {CONVERSION}" if kind == LEAD else ""
        wanted = f"Id, {', '.join(SHOWN)}{converted}"
        records, left = await self._query(f"SELECT {wanted} FROM {kind} WHERE {LEAD_ID} IN ({_quoted(asked)})")  # noqa: S608 - SOQL, quoted
        found = {record[LEAD_ID]: record for record in records}
        return Answered([self._shown(kind, item, found.get(item.lead)) if item.lead in asked else _unasked(item.lead) for item in items], left)

    async def _match(self, items: Sequence[Item]) -> Answered:
        known = await emails_of(self._addresses, items)
        if known is None:
            return Answered([AWAY for _ in items])
        emails = {lead: email.lower() for lead, email in known.items()}
        asked = _fitting(sorted(set(emails.values())))
        if not asked:
            return Answered([Answer(Verdict.MISSING, "no_address") for _ in items])
        soql = f"SELECT Id, Email, {LEAD_ID}, {CONVERSION} FROM {LEAD} WHERE Email IN ({_quoted(asked)})"  # noqa: S608 - quoted
        records, left = await self._query(soql)
        by_email: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            by_email.setdefault(str(record["Email"]).lower(), []).append(record)
        return Answered([self._matched(emails.get(item.lead), asked, by_email) for item in items], left)

    async def _collect(self, path: str, items: Sequence[Item], records: Sequence[Mapping[str, Any]]) -> Answered:
        reply = await self._client.ask("PATCH", path, body={"allOrNone": False, "records": records})
        return Answered([self._written(item, result) for item, result in zip(items, reply.body, strict=True)], reply.daily_left)

    async def _create(self, items: Sequence[Item]) -> Answered:
        """Inserted: an upsert that finds the record after all would write what a lead must have over what people wrote."""
        emails = await emails_of(self._addresses, items)
        if emails is None:
            return Answered([AWAY for _ in items])
        records = [self._record(item) | {LEAD_ID: item.lead, **_needed(item.lead, emails.get(item.lead))} for item in items]
        reply = await self._client.ask("POST", COLLECTIONS, body={"allOrNone": False, "records": records})
        return Answered([self._written(item, result) for item, result in zip(items, reply.body, strict=True)], reply.daily_left)

    async def _write_converted(self, items: Sequence[Item]) -> Answered:
        """By the records' own ids, contacts first: of records that change their type ten times a call is refused."""
        sent, waiting = items[: COLLECTION // 2], items[COLLECTION // 2 :]
        contacts, opportunities = zip(*(item.record.rpartition("/")[2].split("+") for item in sent), strict=True)
        records = [self._record(item, CONTACT) | {"id": id_, LEAD_ID: item.lead} for item, id_ in zip(sent, contacts, strict=True)]
        records += [self._record(item, OPPORTUNITY) | {"id": id_} for item, id_ in zip(sent, opportunities, strict=True)]
        reply = await self._client.ask("PATCH", COLLECTIONS, body={"allOrNone": False, "records": records})
        results = zip(sent, reply.body[: len(sent)], reply.body[len(sent) :], strict=True)
        answers = [self._both_written(item, contact, opportunity) for item, contact, opportunity in results]
        return Answered([*answers, *(Answer(Verdict.RETRY, "batch_full") for _ in waiting)], reply.daily_left)

    def _both_written(self, item: Item, contact: Mapping[str, Any], opportunity: Mapping[str, Any]) -> Answer:
        answer = self._written(item, contact)
        if answer.verdict is not Verdict.DONE:
            return answer
        of_opportunity = self._written(item, opportunity)
        match of_opportunity.verdict:
            case Verdict.DONE:
                return answer._replace(record=item.record)
            case Verdict.MISSING:  # it was deleted: the contact goes on alone
                return answer._replace(record=f"{CONTACT}/{contact['id']}")
            case verdict:
                return Answer(verdict, f"opportunity_{of_opportunity.reason}")

    def _shown(self, kind: str, item: Item, record: Mapping[str, Any] | None) -> Answer:
        if record is None:
            return Answer(Verdict.MISSING)
        if record.get("IsConverted"):
            return self._converted(record)
        _, revision, grade, propensity = (record.get(name) or "" for name in SHOWN)
        is_same = item.record.startswith(f"{CONVERTED}/{record['Id']}+")
        found = item.record if is_same else f"{kind}/{record['Id']}"
        return Answer(Verdict.DONE, record=found, revision=revision, grade=grade, propensity=float(propensity or 0.0))

    def _converted(self, record: Mapping[str, Any]) -> Answer:
        """A converted lead is locked: the score goes on with its contact and its opportunity."""
        contact, opportunity = record.get("ConvertedContactId"), record.get("ConvertedOpportunityId")
        if not contact:
            return Answer(Verdict.REFUSED, "converted_without_contact")
        is_both = opportunity and OPPORTUNITY in self._kinds
        return Answer(Verdict.MOVED, "converted", record=f"{CONVERTED}/{contact}+{opportunity}" if is_both else f"{CONTACT}/{contact}")

    def _matched(self, email: str | None, asked: Sequence[str], by_email: Mapping[str, Sequence[Mapping[str, Any]]]) -> Answer:
        if email is None:
            return Answer(Verdict.MISSING, "no_address")
        if email not in asked:
            return Answer(Verdict.RETRY, "query_full")
        records = by_email.get(email, ())
        if not records:
            return Answer(Verdict.MISSING, "not_in_crm")
        if len(records) > 1:
            return Answer(Verdict.REFUSED, "address_of_several_records")
        record = records[0]
        if record.get("IsConverted"):
            return self._converted(record)
        return Answer(Verdict.DONE, record=f"{LEAD}/{record['Id']}", owner=record.get(LEAD_ID) or "")

    def _written(self, item: Item, result: Mapping[str, Any]) -> Answer:
        if result.get("success"):
            kind = kind_of(item.record) or LEAD
            return Answer(Verdict.DONE, record=f"{kind}/{result['id']}")
        error = (result.get("errors") or [{}])[0]
        code = str(error.get("statusCode", "unknown"))
        if code == "REQUIRED_FIELD_MISSING" and item.record:  # it was deleted, and an upsert would have made it anew
            return Answer(Verdict.MISSING, "deleted")
        if code == "DUPLICATE_VALUE" and not item.record:  # it is there: an insert whose answer was lost
            return Answer(Verdict.MISSING, "created_before")
        return Answer(MEANINGS.get(code, Verdict.REFUSED), code.lower())

    def _record(self, item: Item, kind: str = "") -> dict[str, Any]:
        record: dict[str, Any] = {"attributes": {"type": kind or kind_of(item.record) or LEAD}}
        for name, value in self._values(item.score).items():
            # null empties a field of any type; an empty text is no date
            record[field_of(name)] = None if value == "" else value
        return record


def _needed(lead: str, email: str | None) -> dict[str, str]:
    """What Salesforce has no lead without. People's names are not known here: people put them in."""
    if email is None:
        return {"LastName": lead[:NAME_LENGTH], "Company": NOT_PROVIDED}
    local, _, domain = email.rpartition("@")
    return {"LastName": local[:NAME_LENGTH], "Company": domain, "Email": email}


def _fitting(values: Sequence[str]) -> list[str]:
    """As many as one query's address takes."""
    fitting, room = [], QUERY_BYTES
    for value in values:
        room -= 3 * len(value.encode()) + 9 if not value.isascii() else len(value) + 9
        if room < 0:
            break
        if len(value) <= ID_LENGTH:
            fitting.append(value)
    return fitting


def _quoted(values: Sequence[str]) -> str:
    return ", ".join("'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" for value in values)


def _unasked(lead: str) -> Answer:
    return Answer(Verdict.REFUSED, "id_too_long") if len(lead) > ID_LENGTH else Answer(Verdict.RETRY, "query_full")
