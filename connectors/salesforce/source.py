"""Leads, contacts and opportunities that changed → records of `connectors.crm.source`: by query, from a place in time onwards.

The Pub/Sub API has no client that could be installed, keeps three days, and what it misses must be queried anyway (ADR 0037).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from connectors.crm.back import BackSettings, parsed
from connectors.crm.instants import millis_of, text_of
from connectors.crm.source import Changed, Contact, CrmRecord, Pace, Value
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.sink import CONTACT, LEAD, LEAD_ID
from schemas.crm_change import DEAL, DELETED, MERGED, PERSON, UPDATED
from schemas.errors import TenantBlockedError

OPPORTUNITY = "Opportunity"
WALK = (LEAD, CONTACT, OPPORTUNITY)
"""A contact takes a converted lead's place, so leads come first."""
PAGE = 200
OVERLAP_MS = 300_000
"""A transaction stamps its records when it writes them and shows them when it commits: up to five minutes later by a long trigger."""
STAGE_FIELDS = {DEAL: "StageName", PERSON: "Status"}
SYSTEM = ("Id", "SystemModstamp", "IsDeleted")
OWN: Mapping[str, tuple[str, ...]] = {
    LEAD: ("MasterRecordId", LEAD_ID, "Email", "Status", "IsConverted", "ConvertedContactId"),
    CONTACT: ("MasterRecordId", LEAD_ID, "Email"),
    OPPORTUNITY: ("StageName", "Amount", "CreatedDate"),
}


class SalesforceSource:
    """One org, as `source.Source`."""

    stage_fields: ClassVar[Mapping[str, str]] = STAGE_FIELDS

    def __init__(self, client: SalesforceClient, back: BackSettings, pace: Pace) -> None:
        self._client = client
        self._back = back
        self._pace = pace
        self._wanted: dict[str, list[str]] = {}
        self._given: tuple[str, str, frozenset[tuple[str, str]]] = ("", "", frozenset())
        self._dealt_with: dict[str, frozenset[tuple[str, str]]] = {}

    async def changed(self, cursor: str) -> Changed:
        """The next page of one kind. A cursor is a place (SystemModstamp, Id) for each, and whose turn it is.

        At the end of a kind its place goes back by OVERLAP_MS, so that what commits late is read still. What was read then already, and
        dealt with, as whoever asks has moved on, is left out: each opportunity costs three more calls.
        """
        if cursor == self._given[0]:
            self._dealt_with[self._given[1]] = self._given[2]
        state: dict[str, Any] = json.loads(cursor) if cursor else {"turn": 0, "places": {}}
        kind = WALK[state["turn"]]
        rows = await self._rows(kind, state["places"].get(kind))
        is_last = len(rows) < PAGE
        if rows:
            at, record = rows[-1]["SystemModstamp"], rows[-1]["Id"]
            state["places"][kind] = [text_of(millis_of(at) - OVERLAP_MS), ""] if is_last else [text_of(millis_of(at)), record]
        state["turn"] = (state["turn"] + 1) % len(WALK) if is_last else state["turn"]
        stamps = frozenset((row["Id"], row["SystemModstamp"]) for row in rows)
        news = [row for row in rows if (row["Id"], row["SystemModstamp"]) not in self._dealt_with.get(kind, frozenset())]
        records = await self._records(kind, news)
        self._given = (json.dumps(state), kind, stamps)
        return Changed(records, self._given[0], is_end=is_last and state["turn"] == 0)

    async def read(self, kind: str, records: Sequence[str]) -> list[CrmRecord]:
        """By kind and id; deleted ones are left out."""
        found: list[CrmRecord] = []
        for name in WALK:
            ids = [record.partition("/")[2] for record in records if record.startswith(f"{name}/")]
            if ids and (name == OPPORTUNITY) == (kind == DEAL):
                where = f"Id IN ({_quoted(ids)}) AND IsDeleted = false"
                rows = await self._query(f"SELECT {', '.join(await self._fields(name))} FROM {name} WHERE {where}")  # noqa: S608 - SOQL, quoted
                found += await self._records(name, rows)
        return found

    async def close(self) -> None:
        """End connections."""
        await self._client.close()

    async def _rows(self, kind: str, place: Sequence[str] | None) -> list[dict[str, Any]]:
        where = ""
        if place is not None:
            at, record = place
            same = f" OR (SystemModstamp = {at} AND Id > {_quoted([record])})" if record else ""
            where = f" WHERE SystemModstamp > {at}{same}" if same else f" WHERE SystemModstamp >= {at}"
        wanted = ", ".join(await self._fields(kind))
        soql = f"SELECT {wanted} FROM {kind}{where} ORDER BY SystemModstamp, Id LIMIT {PAGE}"  # noqa: S608 - SOQL, of names that were checked
        return await self._query(soql, with_deleted=True)

    async def _query(self, soql: str, *, with_deleted: bool = False) -> list[dict[str, Any]]:
        await self._pace()
        reply = (await self._client.ask("GET", "/queryAll" if with_deleted else "/query", params={"q": soql})).body
        rows = list(reply["records"])
        while not reply["done"]:
            await self._pace()
            # /services/data/vXX.0/query/01g…: the client puts the first part before every path
            reply = (await self._client.ask("GET", "/" + reply["nextRecordsUrl"].split("/", 4)[4])).body
            rows += reply["records"]
        return rows

    async def _fields(self, kind: str) -> list[str]:
        """What is asked of a kind: a tenant's fields may be of one kind alone."""
        if not self._wanted:
            known: dict[str, set[str]] = {}
            for name in WALK:
                await self._pace()
                described = (await self._client.ask("GET", f"/sobjects/{name}/describe")).body["fields"]
                known[name] = {each["name"] for each in described} | {each.get("relationshipName") or "" for each in described}
            self._wanted = {name: [*SYSTEM, *OWN[name], *self._own(name, known)] for name in WALK}
        return self._wanted[kind]

    def _own(self, kind: str, known: Mapping[str, set[str]]) -> list[str]:
        of = DEAL if kind == OPPORTUNITY else PERSON
        kinds = [name for name in WALK if (name == OPPORTUNITY) == (of == DEAL)]
        nowhere = [field for field in self._back.wanted(of) if not any(field.partition(".")[0] in known[name] for name in kinds)]
        if nowhere:
            raise TenantBlockedError(
                f"Salesforce shows no field {', '.join(nowhere)} on {' or '.join(kinds)}: mend the tenants file, or the user's rights"
            )
        return [field for field in self._back.wanted(of) if field.partition(".")[0] in known[kind] and field not in OWN[kind]]

    async def _records(self, kind: str, rows: Sequence[Mapping[str, Any]]) -> list[CrmRecord]:
        if kind == OPPORTUNITY:
            return await self._deals([row for row in rows if not row["IsDeleted"]])
        return [_person(kind, row, self._back) for row in rows]

    async def _deals(self, rows: Sequence[Mapping[str, Any]]) -> list[CrmRecord]:
        """With when each stage began, and who takes part: roles, and the leads that were converted into them."""
        if not rows:
            return []
        ids = _quoted([row["Id"] for row in rows])
        past = await self._query(f"SELECT OpportunityId, StageName, CreatedDate FROM OpportunityHistory WHERE OpportunityId IN ({ids})")  # noqa: S608 - quoted
        roles = await self._query(
            f"SELECT OpportunityId, ContactId, Contact.Email, Contact.{LEAD_ID} FROM OpportunityContactRole WHERE OpportunityId IN ({ids})"  # noqa: S608 - quoted
        )
        leads = await self._query(f"SELECT Id, ConvertedOpportunityId, Email, {LEAD_ID} FROM Lead WHERE ConvertedOpportunityId IN ({ids})")  # noqa: S608 - quoted
        people: dict[str, list[Contact]] = {}
        for role in roles:
            contact = role.get("Contact") or {}
            people.setdefault(role["OpportunityId"], []).append(_contact(f"{CONTACT}/{role['ContactId']}", contact))
        for lead in leads:
            people.setdefault(lead["ConvertedOpportunityId"], []).append(_contact(f"{LEAD}/{lead['Id']}", lead))
        stages: dict[str, list[Value]] = {}
        for each in past:
            stages.setdefault(each["OpportunityId"], []).append(Value("StageName", each["StageName"], millis_of(each["CreatedDate"])))
        return [_deal(row, tuple(people.get(row["Id"], ())), stages.get(row["Id"], []), self._back) for row in rows]


def _person(kind: str, row: Mapping[str, Any], back: BackSettings) -> CrmRecord:
    record, at = f"{kind}/{row['Id']}", millis_of(row["SystemModstamp"])
    people = (_contact(record, row),)
    if row["IsDeleted"]:
        master = row.get("MasterRecordId")
        return CrmRecord(PERSON, record, at, people, change=MERGED if master else DELETED, into=f"{kind}/{master}" if master else "")
    contact = row.get("ConvertedContactId") if row.get("IsConverted") else None
    fields = [*back.wanted(PERSON), *(["Status"] if kind == LEAD else [])]
    return CrmRecord(PERSON, record, at, people, tuple(_values(row, fields, at)), UPDATED, f"{CONTACT}/{contact}" if contact else "")


def _deal(row: Mapping[str, Any], people: tuple[Contact, ...], stages: Sequence[Value], back: BackSettings) -> CrmRecord:
    at = millis_of(row["SystemModstamp"])
    # a history is written a moment after its record: where it lacks the present stage, that has begun by now
    known = sorted(stages, key=lambda value: value.at)
    if not known or known[-1].text != row["StageName"]:
        known.append(Value("StageName", row["StageName"], at if known else millis_of(row["CreatedDate"])))
    values = (*known, *_values(row, ["Amount", *back.wanted(DEAL)], at))
    return CrmRecord(DEAL, f"{OPPORTUNITY}/{row['Id']}", at, people, values)


def _values(row: Mapping[str, Any], fields: Iterable[str], at: int) -> list[Value]:
    return [Value(field, text, at) for field in dict.fromkeys(fields) if (text := _of(row, field)) is not None]


def _of(row: Mapping[str, Any], field: str) -> str | None:
    """A field's text; None where the kind has no such field. `Account.Industry` is a field of another record."""
    first, _, rest = field.partition(".")
    if first not in row:
        return None
    return _of(row[first] or {}, rest) or "" if rest else parsed(row[first])


def _contact(record: str, row: Mapping[str, Any]) -> Contact:
    return Contact(record, row.get(LEAD_ID) or "", row.get("Email") or "")


def _quoted(values: Sequence[str]) -> str:
    return ", ".join("'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" for value in values)
