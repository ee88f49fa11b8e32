"""Deals and contacts → records of `connectors.crm.source`: a walk over all of them, again and again, without a search.

HubSpot's lists know no "changed since"; its search lags, stops at 10,000 and has a quota of its own, and its webhook journal keeps three days
(ADR 0037). A walk reads a hundred records' present and past in a call, so it finds whatever a webhook did not bring.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from connectors.crm import fields
from connectors.crm.back import BackSettings
from connectors.crm.instants import millis_of
from connectors.crm.source import Changed, Contact, CrmRecord, Pace, Value
from connectors.hubspot.client import HubSpotClient
from connectors.hubspot.sink import CONTACTS, LEAD_ID
from schemas.crm_change import DEAL, DELETED, MERGED, PERSON
from schemas.errors import PoisonRecordError

DEALS = "/crm/v3/objects/0-3"
PAGE = 50
"""What a list gives at once where it is asked for the past of fields too."""
BATCH = 100
MERGED_IDS = "hs_merged_object_ids"
WALK = ((DEAL, False), (PERSON, False), (PERSON, True))
"""Lists in the order in which they are walked over: kind, and whether those that were deleted. A deleted deal says nothing more."""
STAGE_FIELDS = {DEAL: "dealstage", PERSON: "lifecyclestage"}


class HubSpotSource:
    """One account, as `source.Source`."""

    stage_fields: ClassVar[Mapping[str, str]] = STAGE_FIELDS

    def __init__(self, client: HubSpotClient, back: BackSettings, pace: Pace) -> None:
        self._client = client
        self._back = back
        self._pace = pace

    async def changed(self, cursor: str) -> Changed:
        """The next page of the walk. A cursor is the list and HubSpot's own place in it."""
        turn, after = json.loads(cursor) if cursor else (0, "")
        kind, is_archived = WALK[turn]
        found = await self._page(kind, after, is_archived=is_archived)
        next_after = ((found.get("paging") or {}).get("next") or {}).get("after")
        records = [CrmRecord(kind, str(one["id"]), _changed_at(one), change=DELETED) for one in found["results"]]
        if not is_archived:
            records = await self._records(kind, found["results"])
        if next_after:
            return Changed(records, json.dumps([turn, next_after]), is_end=False)
        is_end = turn + 1 == len(WALK)
        return Changed(records, "" if is_end else json.dumps([turn + 1, ""]), is_end)

    async def read(self, kind: str, records: Sequence[str]) -> list[CrmRecord]:
        """Contacts a hundred at a time; deals one by one, as only so their contacts come along."""
        if kind == PERSON:
            found = [
                one for start in range(0, len(records), BATCH) for one in await self._contacts(records[start : start + BATCH], self._asked(PERSON))
            ]
        else:
            found = [one for one in [await self._deal(record) for record in records] if one is not None]
        return await self._records(kind, found)

    async def close(self) -> None:
        """End connections."""
        await self._client.close()

    def _asked(self, kind: str) -> dict[str, list[str]]:
        own = [LEAD_ID, "email", MERGED_IDS] if kind == PERSON else ["amount"]
        past = [STAGE_FIELDS[kind], *([self._back.override_field] if kind == PERSON and self._back.override_field else [])]
        return {"properties": list(dict.fromkeys([*own, *past, *self._back.wanted(kind)])), "propertiesWithHistory": past}

    async def _ask(self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        await self._pace()
        return (await self._client.ask(method, path, body, params=params)).body

    async def _page(self, kind: str, after: str, *, is_archived: bool) -> dict[str, Any]:
        params: dict[str, Any] = {"limit": PAGE, "archived": str(is_archived).lower()} | ({"after": after} if after else {})
        if not is_archived:
            params |= {name: ",".join(asked) for name, asked in self._asked(kind).items()}
        if kind == DEAL:
            params["associations"] = "contacts"
        return await self._ask("GET", DEALS if kind == DEAL else CONTACTS, params=params)

    async def _deal(self, record: str) -> dict[str, Any] | None:
        params = {"associations": "contacts"} | {name: ",".join(asked) for name, asked in self._asked(DEAL).items()}
        try:
            return await self._ask("GET", f"{DEALS}/{record}", params=params)
        except PoisonRecordError as exc:
            if exc.reason == "not_found":
                return None
            raise

    async def _contacts(self, ids: Sequence[str], asked: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        body = {**asked, "inputs": [{"id": one} for one in dict.fromkeys(ids)]}
        return list((await self._ask("POST", f"{CONTACTS}/batch/read", body=body))["results"])

    async def _records(self, kind: str, found: Sequence[Mapping[str, Any]]) -> list[CrmRecord]:
        people = await self._people(found) if kind == DEAL else {}
        records: list[CrmRecord] = []
        for one in found:
            record, at = str(one["id"]), _changed_at(one)
            involved = tuple(people[id_] for id_ in _contact_ids(one) if id_ in people) if kind == DEAL else (_contact(one),)
            records.append(CrmRecord(kind, record, at, involved, tuple(_values(one, at))))
            if kind == PERSON:
                gone = filter(None, (one["properties"].get(MERGED_IDS) or "").split(";"))
                records += [CrmRecord(PERSON, id_, at, change=MERGED, into=record) for id_ in gone]
        return records

    async def _people(self, deals: Iterable[Mapping[str, Any]]) -> dict[str, Contact]:
        ids = list(dict.fromkeys(id_ for deal in deals for id_ in _contact_ids(deal)))
        asked = {"properties": [LEAD_ID, "email"], "propertiesWithHistory": []}
        found = [one for start in range(0, len(ids), BATCH) for one in await self._contacts(ids[start : start + BATCH], asked)]
        return {str(one["id"]): _contact(one) for one in found}


def _contact(one: Mapping[str, Any]) -> Contact:
    return Contact(str(one["id"]), one["properties"].get(LEAD_ID) or "", one["properties"].get("email") or "")


def _contact_ids(deal: Mapping[str, Any]) -> list[str]:
    """A contact that takes part in several ways is named as often."""
    named = ((deal.get("associations") or {}).get("contacts") or {}).get("results", ())
    return list(dict.fromkeys(str(each["id"]) for each in named))


def _changed_at(one: Mapping[str, Any]) -> int:
    return millis_of(one.get("archivedAt") or one["updatedAt"])


def _values(one: Mapping[str, Any], at: int) -> list[Value]:
    past: Mapping[str, Sequence[Mapping[str, Any]]] = one.get("propertiesWithHistory") or {}
    values = [
        Value(field, each.get("value") or "", millis_of(each["timestamp"]))
        for field, told in past.items()
        for each in reversed(told)  # newest first
    ]
    own = {LEAD_ID, "email", MERGED_IDS, f"{LEAD_ID.removesuffix(fields.LEAD_ID)}{fields.REVISION}"}
    values += [Value(field, text, at) for field, text in one["properties"].items() if text and field not in past and field not in own]
    return sorted(values, key=lambda value: value.at)
