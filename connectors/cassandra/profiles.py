"""Who is this lead."""

from collections.abc import Sequence
from typing import NamedTuple

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.months import millis
from schemas.event import Person
from schemas.ids import Millis

PROFILE = (
    "SELECT account_id, texts, numbers, consent, email, phone, name, ip, first_seen, last_seen FROM profiles_by_lead WHERE tenant = ? AND lead = ?"
)
EMAIL = "SELECT email FROM profiles_by_lead WHERE tenant = ? AND lead = ?"


class StoredProfile(NamedTuple):
    """What is known of a lead. `first_seen` and `last_seen` are of its events; None for a lead that only has traits."""

    account_id: str | None
    texts: dict[str, str]
    numbers: dict[str, float]
    consent: dict[str, bool]
    person: Person
    first_seen: Millis | None
    last_seen: Millis | None


class ProfileStore:
    """The profile of a lead: the only place that names a person."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def profile(self, tenant: str, lead: str) -> StoredProfile | None:
        """The profile; None for a lead that was never heard of."""
        row = self._client.row(PROFILE, (tenant, lead))
        if row is None:
            return None
        first, last = (None if at is None else millis(at) for at in (row.first_seen, row.last_seen))
        maps = (dict(row.texts or {}), dict(row.numbers or {}), dict(row.consent or {}))
        return StoredProfile(row.account_id, *maps, Person(row.email, row.phone, row.name, row.ip), first, last)

    def emails(self, tenant: str, leads: Sequence[str]) -> dict[str, str]:
        """Lead → e-mail address, for those that have one."""
        found = {}
        for lead in leads:
            row = self._client.row(EMAIL, (tenant, lead))
            if row is not None and row.email:
                found[lead] = row.email
        return found
