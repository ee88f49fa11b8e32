"""Scores → contacts' properties."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.crm import fields
from connectors.crm.addresses import AWAY, emails_of
from connectors.crm.contract import Addresses, Answer, Answered, Item, Request, Stage, Verdict
from connectors.hubspot.client import HubSpotClient, Reply
from connectors.hubspot.config import HubSpotConfig

PREFIX = "prox_"
LEAD_ID = f"{PREFIX}{fields.LEAD_ID}"
GROUP = "prox"
CONTACTS = "/crm/v3/objects/contacts"
PROPERTIES = "/crm/v3/properties/contacts"
SHOWN = [LEAD_ID, *(f"{PREFIX}{name}" for name in (fields.REVISION, fields.GRADE, fields.PROPENSITY))]
MORE_EMAILS = "hs_additional_emails"
MEANINGS = {"OBJECT_NOT_FOUND": Verdict.MISSING, "NOT_FOUND": Verdict.MISSING, "CONFLICT": Verdict.RETRY, "RATE_LIMITS": Verdict.RETRY}
"""Category of one item's error → what to do; anything else is refused."""
TYPES = {"key": ("string", "text"), "text": ("string", "text"), "number": ("number", "number"), "datetime": ("datetime", "date")}


class HubSpotSink:
    """One account, as `contract.Sink`.

    Parameters
    ----------
    config
        The account.
    addresses
        Where leads' e-mail addresses are.
    values
        What is written of a score.
    client
        None: one of the config.
    """

    def __init__(
        self, config: HubSpotConfig, addresses: Addresses, *, values: fields.Values = fields.values_of, client: HubSpotClient | None = None
    ) -> None:
        self._values = values
        self.limits = config.limits()
        self._creates = config.creates
        self._matches = config.matches
        self._addresses = addresses
        self._client = client or HubSpotClient(config)

    async def set_up(self) -> list[str]:
        """Create the group and the properties that are missing; gives their names. Doing it twice changes nothing."""
        groups = (await self._client.ask("GET", f"{PROPERTIES}/groups")).body["results"]
        if GROUP not in {group["name"] for group in groups}:
            await self._client.ask("POST", f"{PROPERTIES}/groups", {"name": GROUP, "label": "ProX"})
        known = {each["name"] for each in (await self._client.ask("GET", PROPERTIES)).body["results"]}
        missing = [field for field in fields.FIELDS if f"{PREFIX}{field.name}" not in known]
        for field in missing:
            kind, shape = TYPES[field.kind]
            definition = {"groupName": GROUP, "name": f"{PREFIX}{field.name}", "label": field.label, "type": kind, "fieldType": shape}
            about = {"description": field.about, "hasUniqueValue": field.kind == "key", "formField": False}
            await self._client.ask("POST", PROPERTIES, definition | about)
        return [f"{PREFIX}{field.name}" for field in missing]

    async def send(self, request: Request) -> Answered:
        """Carry a request out."""
        match request.stage:
            case Stage.LOOK:
                return await self._look(request.items)
            case Stage.MATCH:
                return await self._match(request.items)
            case Stage.LINK:
                inputs = [self._input(item, item.record) for item in request.items]
                reply = await self._client.ask("POST", f"{CONTACTS}/batch/update", {"inputs": inputs})
            case Stage.WRITE if self._creates:
                return await self._upsert(request.items)
            case Stage.WRITE:  # an upsert would create a contact that was deleted a moment ago
                inputs = [self._input(item, item.lead, idProperty=LEAD_ID) for item in request.items]
                reply = await self._client.ask("POST", f"{CONTACTS}/batch/update", {"inputs": inputs})
        return Answered(_written(request.items, reply), reply.daily_left)

    async def erase(self, lead: str) -> bool:
        """Delete the contact that carries the lead's id, for good; whether there was one.

        Only by the record's own id, and never by an address: HubSpot puts an unknown address that it is asked to erase on a list that keeps
        it out for ever, and a known one may be another lead's by now.
        """
        found = (await self._read(LEAD_ID, [lead], [LEAD_ID])).body["results"]
        for contact in found:
            await self._client.ask("POST", f"{CONTACTS}/gdpr-delete", {"objectId": str(contact["id"])})
        return bool(found)

    async def close(self) -> None:
        """End connections."""
        await self._client.close()

    async def _read(self, id_property: str, ids: Sequence[str], properties: Sequence[str]) -> Reply:
        body = {"idProperty": id_property, "inputs": [{"id": id_} for id_ in ids], "properties": properties, "propertiesWithHistory": []}
        return await self._client.ask("POST", f"{CONTACTS}/batch/read", body)

    async def _look(self, items: Sequence[Item]) -> Answered:
        reply = await self._read(LEAD_ID, [item.lead for item in items], SHOWN)
        found = {contact["properties"].get(LEAD_ID): contact for contact in reply.body["results"]}
        return Answered([_shown(found.get(item.lead)) for item in items], reply.daily_left)

    async def _match(self, items: Sequence[Item]) -> Answered:
        emails = await emails_of(self._addresses, items)
        if emails is None:
            return Answered([AWAY for _ in items])
        if not emails:
            return Answered([Answer(Verdict.MISSING, "no_address") for _ in items])
        reply = await self._read("email", sorted({email.lower() for email in emails.values()}), ["email", MORE_EMAILS, LEAD_ID])
        found: dict[str, dict[str, Any]] = {}
        for contact in reply.body["results"]:
            properties = contact["properties"]
            for address in (properties.get("email"), *(properties.get(MORE_EMAILS) or "").split(";")):
                found[(address or "").lower()] = contact
        return Answered([_matched(emails.get(item.lead), found) for item in items], reply.daily_left)

    async def _upsert(self, items: Sequence[Item]) -> Answered:
        """A contact that is created has the lead's address, which was looked for before and is nobody's; unasked for, it might be."""
        created = [item for item in items if not item.record] if self._matches else []
        emails = await emails_of(self._addresses, created) if created else {}
        if emails is None:  # those that are there need none
            known = [item for item in items if item.record]
            answers, left = await self._upsert(known) if known else ([], None)
            of_known = iter(answers)
            return Answered([next(of_known) if item.record else AWAY for item in items], left)
        inputs = [self._input(item, item.lead, idProperty=LEAD_ID) for item in items]
        for each, item in zip(inputs, items, strict=True):
            if item.lead in emails:
                each["properties"]["email"] = emails[item.lead]
        reply = await self._client.ask("POST", f"{CONTACTS}/batch/upsert", {"inputs": inputs})
        return Answered(_written(items, reply), reply.daily_left)

    def _input(self, item: Item, id_: str, **more: str) -> dict[str, Any]:
        properties = {f"{PREFIX}{name}": str(value) for name, value in self._values(item.score).items()}
        return {"id": id_, "properties": {LEAD_ID: item.lead, **properties}, "objectWriteTraceId": item.trace, **more}


def _shown(contact: Mapping[str, Any] | None) -> Answer:
    if contact is None:
        return Answer(Verdict.MISSING)
    _, revision, grade, propensity = (contact["properties"].get(name) or "" for name in SHOWN)
    return Answer(Verdict.DONE, record=contact["id"], revision=revision, grade=grade, propensity=_number(propensity))


def _number(text: str) -> float:
    try:
        return float(text or 0.0)
    except ValueError:  # somebody's hand was on it: the next push mends it
        return 0.0


def _matched(email: str | None, found: Mapping[str, Mapping[str, Any]]) -> Answer:
    contact = found.get(email.lower()) if email else None
    if contact is None:
        return Answer(Verdict.MISSING, "not_in_crm" if email else "no_address")
    return Answer(Verdict.DONE, record=contact["id"], owner=contact["properties"].get(LEAD_ID) or "")


def _written(items: Sequence[Item], reply: Reply) -> list[Answer]:
    """Each item's answer, by the trace id that HubSpot echoes; by the ids that it names where it does not."""
    done: dict[str, str] = {}
    for result in reply.body.get("results", ()):
        done[result.get("objectWriteTraceId") or result["properties"].get(LEAD_ID) or ""] = str(result["id"])
    failed: dict[str, Mapping[str, Any]] = {}
    for error in reply.body.get("errors", ()):
        context = error.get("context") or {}
        for name in (*context.get("objectWriteTraceId", ()), *context.get("ids", ()), *context.get("id", ())):
            failed[name] = error
    answers = []
    for item in items:
        record = done.get(item.trace) or done.get(item.lead)
        error = next((failed[name] for name in (item.trace, item.lead, item.record) if name in failed), None)
        if record is not None:
            answers.append(Answer(Verdict.DONE, record=record))
        elif error is not None:
            category = str(error.get("category", ""))
            answers.append(Answer(MEANINGS.get(category, Verdict.REFUSED), category.lower() or "refused"))
        else:
            answers.append(Answer(Verdict.RETRY, "unanswered"))
    return answers
