"""HubSpot's webhooks, version 3: signed over the address that the app knows, up to a hundred changes in a request, in no order."""

import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from api.collector.signatures import check_hmac
from models.collecting.arrival import Arrival, BadEvent, Parsed, json_of
from schemas.crm_change import DEAL, DELETED, ERASED, MERGED, PERSON, RESTORED, UPDATED, CrmChange
from schemas.errors import PoisonRecordError
from schemas.ids import Millis

CRM = "hubspot"
SIGNATURE, STAMP = "x-hubspot-signature-v3", "x-hubspot-request-timestamp"
WINDOW_MS = 300_000
CLOCKS_APART_MS = 5_000
"""A stamp so little ahead is a clock's fault: HubSpot never sends again what was answered with 401."""
DECODED = re.compile(r"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""What HubSpot decodes in the address before it signs it; other escapes stay."""
KINDS = {"contact": PERSON, "deal": DEAL, "0-1": PERSON, "0-3": DEAL}
"""Object of a subscription, or its type id in the generic ones (`object.propertyChange`) → kind."""
CHANGES = {
    "propertyChange": UPDATED,
    "creation": UPDATED,
    "associationChange": UPDATED,
    "deletion": DELETED,
    "restore": RESTORED,
    "privacyDeletion": ERASED,
    "merge": MERGED,
}
MOST_CHANGES = 1_000
OURS = "prox_"


class Portal(NamedTuple):
    """One account of HubSpot.

    Parameters
    ----------
    tenant
        Whose it is.
    secret
        Of the app: signs.
    url
        The address that the app sends to, as it stands there: behind a proxy the request has another.
    fields
        Whose values may be kept: stages and overrides. Any other may name a person, and is read when it is needed.
    """

    tenant: str
    secret: bytes
    url: str
    fields: Collection[str]


def signed_uri(url: str) -> str:
    """The address as HubSpot signs it.

    Examples
    --------
    >>> signed_uri("https://a.example/hook?to=x%3Ay%20z")
    'https://a.example/hook?to=x:y%20z'
    """
    return DECODED.sub(lambda code: chr(int(code[1], 16)), url)


def check(body: bytes, headers: Mapping[str, str], portal: Portal, now: Millis) -> None:
    """Refuse what this portal's app did not sign, or not now.

    Raises
    ------
    PoisonRecordError
        Reason `forged` or `replayed`.
    """
    stamp = headers.get(STAMP, "")
    signed = b"POST" + signed_uri(portal.url).encode() + body + stamp.encode("latin-1")
    check_hmac(portal.secret, signed, headers.get(SIGNATURE, ""), "base64")
    if not stamp.isascii() or not stamp.isdigit() or not now - WINDOW_MS <= int(stamp[:15]) <= now + CLOCKS_APART_MS:
        raise PoisonRecordError("signed more than 5 minutes ago, or ahead of time: a replay, or a wrong clock", reason="replayed")


def portals_of(given: Any, portals: Mapping[int, Portal]) -> list[Portal]:
    """Whose changes a body holds, by what it says itself: to be checked.

    Raises
    ------
    PoisonRecordError
        It is no list of changes, too long (reason `too_large`), or of nobody who is known (`unauthorized`).
    """
    if not isinstance(given, list) or not given:
        raise PoisonRecordError("no changes: HubSpot sends a list", reason="no_events")
    if len(given) > MOST_CHANGES:
        raise PoisonRecordError(f"{len(given)} changes in one request, {MOST_CHANGES} are taken", reason="too_large")
    named: set[int] = {each["portalId"] for each in given if isinstance(each, dict) and isinstance(each.get("portalId"), int)}
    found = [portals[portal_id] for portal_id in sorted(named & portals.keys())]
    if not found:
        raise PoisonRecordError("no account here has this portalId: enter portal_id in the tenants file", reason="unauthorized")
    return found


def parse(body: bytes, headers: Mapping[str, str], portals: Mapping[int, Portal], arrival: Arrival) -> Parsed:
    """A request, by HubSpot's own time. Changes that come twice in it are one; those of accounts that are not known here are left out.

    Raises
    ------
    PoisonRecordError
        As `check` and `portals_of`.
    """
    given = json_of(body)
    for portal in portals_of(given, portals):
        check(body, headers, portal, arrival.received_at)
    found: dict[tuple[str, str], CrmChange] = {}
    bad: list[BadEvent] = []
    for item in given:
        try:
            for change in _read(item, portals, arrival.received_at):
                found[change.tenant, change.change_id] = change
        except PoisonRecordError as exc:
            bad.append(BadEvent(orjson.dumps(item), exc.reason, str(exc)))
    return Parsed([], bad, changes=sorted(found.values(), key=lambda change: change.occurred_at))


def _read(item: Any, portals: Mapping[int, Portal], received_at: Millis) -> Sequence[CrmChange]:
    if not isinstance(item, dict):
        raise PoisonRecordError("a change must be a JSON object")
    portal = portals.get(item.get("portalId"))  # type: ignore[arg-type]
    if portal is None:
        return []
    subscription, at = item.get("subscriptionType"), item.get("occurredAt")
    if not isinstance(subscription, str) or not isinstance(at, int) or isinstance(at, bool):
        raise PoisonRecordError("a change needs subscriptionType and occurredAt in milliseconds")
    subject, _, what = subscription.partition(".")
    kind, change = KINDS.get(str(item.get("objectTypeId")) if subject == "object" else subject), CHANGES.get(what)
    field = str(item.get("propertyName") or "")
    if kind is None or change is None or field.startswith(OURS):
        return []  # a company, a conversation, our own writing: nothing that is followed
    value = item.get("propertyValue")
    kept = "" if value is None or field not in portal.fields else str(value)
    into = _id(item.get("newObjectId") or item.get("primaryObjectId")) if change == MERGED else ""
    records = [one for one in map(_id, item.get("mergedObjectIds") or [item.get("objectId")]) if one != into] if into else [_id(item.get("objectId"))]
    if not all(records) or (change == MERGED and not into):
        raise PoisonRecordError("a change names no object")
    if into and item.get("primaryObjectId") and _id(item["primaryObjectId"]) not in (into, *records):
        records.append(_id(item["primaryObjectId"]))  # a merger that made a third record
    return [
        CrmChange(
            portal.tenant, CRM, _change_id(subscription, record, field, value, at), kind, record, change, field, kept, into, Millis(at), received_at
        )
        for record in records
    ]


def _id(value: Any) -> str:
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def _change_id(*parts: object) -> str:
    """By what was changed: HubSpot's own event ids may come twice for different events, and differ for one that is sent again."""
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).hexdigest()
