"""What people do in HubSpot: deals and contacts with a past, merged, deleted and erased; and the webhooks that tell of it, signed."""

import base64
import hmac
import json
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

from connectors.crm.instants import text_of

CONTACT, DEAL = "contact", "deal"


@dataclass
class Past:
    """Every value that a property ever had, and when the record changed last; times in ms."""

    values: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    changed_at: int = 1_767_603_600_000

    def note(self, at: int, properties: dict[str, str]) -> None:
        for name, value in properties.items():
            self.values.setdefault(name, []).append((value, at))
        self.changed_at = max(self.changed_at, at)

    def shown(self, names: list[str]) -> dict[str, list[dict[str, Any]]]:
        """Newest first, as HubSpot has it."""
        return {
            name: [{"value": value, "timestamp": text_of(at), "sourceType": "CRM_UI"} for value, at in reversed(self.values[name])]
            for name in names
            if name in self.values
        }


@dataclass
class Webhooks:
    """An app's subscriptions: what it tells of, and how it signs."""

    portal_id: int
    secret: str
    url: str
    told: list[dict[str, Any]] = field(default_factory=list)
    ids: Any = field(default_factory=lambda: count(1))

    def tell(self, subscription: str, at: int, **more: Any) -> dict[str, Any]:
        event = {
            "eventId": next(self.ids),
            "subscriptionId": 7,
            "portalId": self.portal_id,
            "appId": 9,
            "occurredAt": at,
            "subscriptionType": subscription,
            "attemptNumber": 0,
            "changeSource": "CRM_UI",
            **more,
        }
        self.told.append(event)
        return event

    def request(self, now: int, events: list[dict[str, Any]] | None = None, *, signed_url: str | None = None) -> tuple[bytes, dict[str, str]]:
        """The body and headers of a delivery; takes what was told since the last one."""
        told = self.told if events is None else events
        body = json.dumps(told).encode()
        self.told = []
        signed = b"POST" + (signed_url or self.url).encode() + body + str(now).encode()
        signature = base64.b64encode(hmac.new(self.secret.encode(), signed, sha256).digest()).decode()
        return body, {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": str(now), "Content-Type": "application/json"}
