"""What CRMs say → outcomes, events, links and overrides on Kafka: webhooks' changes, and records that were found changed."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from connectors.cassandra.values import KnownValue
from connectors.crm.back import BackSettings
from connectors.crm.facts import Facts, Followed, facts_of, linked
from connectors.crm.source import Contact, CrmRecord, Source, Value
from schemas import crm_link
from schemas.crm_change import DELETED, ERASED, MERGED, PERSON, RESTORED, UPDATED, CrmChange
from schemas.crm_link import CrmLink
from schemas.ids import Millis, lead_key
from schemas.pseudonym import normalised_email, pseudonym
from schemas.topics import Topic
from schemas.topics import Value as TopicValue

BATCH = 100
"""Records of a lookup: what HubSpot takes."""
LINK_STATES = {DELETED: crm_link.DELETED, ERASED: crm_link.ERASED, MERGED: crm_link.MERGED_AWAY}


class Publishing(Protocol):
    """As `connectors.kafka.producer.Producer`."""

    def publish(self, topic: Topic, value: TopicValue, *, key: str, at: Millis) -> None: ...  # noqa: D102
    def flush(self) -> None: ...  # noqa: D102


class Values(Protocol):
    """As `connectors.cassandra.values.ValueStore`."""

    def known(self, tenant: str, crm: str, records: Sequence[str]) -> list[KnownValue]: ...  # noqa: D102
    def remember(self, tenant: str, crm: str, values: Iterable[KnownValue]) -> None: ...  # noqa: D102


class Links(Protocol):
    """As `connectors.cassandra.links.LinkStore`."""

    def of_records(self, tenant: str, crm: str, records: Sequence[str]) -> dict[str, CrmLink]: ...  # noqa: D102


class Cursors(Protocol):
    """As `connectors.cassandra.values.CursorStore`."""

    def cursor(self, tenant: str, crm: str) -> str: ...  # noqa: D102
    def move(self, tenant: str, crm: str, cursor: str, now: Millis) -> None: ...  # noqa: D102


class Stores(NamedTuple):
    """What a follower remembers by."""

    values: Values
    links: Links
    cursors: Cursors


class Counts(NamedTuple):
    """Since a follower's start. `unlinked`: records that stand for no lead that we could know."""

    records: int = 0
    outcomes: int = 0
    events: int = 0
    links: int = 0
    overrides: int = 0
    unlinked: int = 0


class Follower:
    """One account, followed.

    Everything is published and acknowledged before it is remembered, and remembered before a cursor moves: whoever is killed in between
    does it again, under the same identities.

    Parameters
    ----------
    tenant, crm
        Whose account, of which CRM.
    source
        The account.
    back
        What its fields mean.
    stores
        What was published before.
    publishing
        Where to.
    pseudonym_key
        Finds leads by the hash of their address; empty: they are not looked for so.
    clock
        Milliseconds since 1970.
    """

    def __init__(
        self,
        tenant: str,
        crm: str,
        source: Source,
        back: BackSettings,
        stores: Stores,
        publishing: Publishing,
        *,
        pseudonym_key: bytes,
        clock: Callable[[], Millis],
    ) -> None:
        self._tenant, self._crm = tenant, crm
        self._source = source
        self._back = back
        self._stores = stores
        self._publishing = publishing
        self._pseudonym_key = pseudonym_key
        self._clock = clock
        self.counts = Counts()

    async def look(self) -> bool:
        """Publish what the next page of changed records newly says; whether there were no more.

        Raises
        ------
        RetriableError, TenantBlockedError
            Of the CRM, Kafka or Cassandra: nothing is lost, look again.
        """
        cursor = await asyncio.to_thread(self._stores.cursors.cursor, self._tenant, self._crm)
        page = await self._source.changed(cursor)
        await self._take(page.records)
        await asyncio.to_thread(self._stores.cursors.move, self._tenant, self._crm, page.cursor, self._clock())
        return page.is_end

    async def hear(self, changes: Sequence[CrmChange]) -> None:
        """Publish what changes that a webhook told newly say. A deal is asked for its contacts, a contact for its traits.

        Raises
        ------
        RetriableError, TenantBlockedError
            As `look`: hear the same again.
        """
        told: dict[tuple[str, str], list[Value]] = {}
        moved: list[CrmRecord] = []
        for change in sorted(changes, key=lambda one: one.occurred_at):
            if change.change in (UPDATED, RESTORED):
                values = told.setdefault((change.kind, change.record), [])
                if change.value or self._is_followed(change):
                    values.append(Value(change.field, change.value, change.occurred_at))
            elif change.kind == PERSON:
                moved.append(CrmRecord(PERSON, change.record, change.occurred_at, change=change.change, into=change.into))
                if change.into:
                    told.setdefault((PERSON, change.into), [])
        await self._take([*await self._read(told), *moved])  # who has the record that is left decides what a merger means

    async def close(self) -> None:
        """End connections."""
        await self._source.close()

    def _is_followed(self, change: CrmChange) -> bool:
        return change.field in (self._source.stage_fields[change.kind], self._back.override_field)

    async def _read(self, told: Mapping[tuple[str, str], Sequence[Value]]) -> list[CrmRecord]:
        found: list[CrmRecord] = []
        for kind in dict.fromkeys(kind for kind, _ in told):
            ids = [record for of, record in told if of == kind]
            for start in range(0, len(ids), BATCH):
                found += await self._source.read(kind, ids[start : start + BATCH])
        # a list may hold what a webhook told already, or not yet
        return [one._replace(values=(*one.values, *told.get((one.kind, one.record), ()))) for one in found]

    async def _take(self, records: Sequence[CrmRecord]) -> None:
        if not records:
            return
        now = self._clock()
        followed = Followed(self._tenant, self._crm, self._back, self._source.stage_fields, now)
        names = list(dict.fromkeys(_name(record) for record in records))
        persons = list(dict.fromkeys(id_ for record in records if record.kind == PERSON for id_ in (record.record, record.into) if id_))
        known: dict[str, list[Value]] = {}
        for value in await asyncio.to_thread(self._stores.values.known, self._tenant, self._crm, names):
            known.setdefault(value.record, []).append(Value(value.field, value.value, value.at))
        links = await asyncio.to_thread(self._stores.links.of_records, self._tenant, self._crm, persons)
        counts, remembered = self.counts._replace(records=self.counts.records + len(records)), list[KnownValue]()
        for record in records:
            if record.change == UPDATED:
                facts = facts_of(record, known.get(_name(record), ()), followed, self._lead_of)
                known.setdefault(_name(record), []).extend(facts.known)  # a record may come twice in a batch
                counts = self._publish(record, facts, links, followed, counts)
                remembered += [KnownValue(_name(record), value.field, Millis(value.at), value.text) for value in facts.known]
            else:
                counts = self._part(record, links, followed, counts)
        await asyncio.to_thread(self._publishing.flush)
        await asyncio.to_thread(self._stores.values.remember, self._tenant, self._crm, remembered)
        self.counts = counts

    def _publish(self, record: CrmRecord, facts: Facts, links: dict[str, CrmLink], f: Followed, counts: Counts) -> Counts:
        put = self._publishing.publish
        for outcome in facts.outcomes:
            put(Topic.OUTCOMES_RECEIVED, outcome, key=lead_key(self._tenant, outcome.lead), at=outcome.occurred_at)
        for event in facts.events:
            put(Topic.EVENTS_RECEIVED, event, key=lead_key(self._tenant, event.lead), at=event.occurred_at)
        for override in facts.overrides:
            put(Topic.OVERRIDES_DECIDED, override, key=lead_key(self._tenant, override.lead), at=override.decided_at)
        ours = record.people[0].lead if record.kind == PERSON and record.people else ""
        now = record.into or record.record
        link = links.get(now)
        is_news = bool(ours) and (link is None or (link.lead, link.state) != (ours, crm_link.LINKED))
        if is_news:
            links[now] = CrmLink(self._tenant, ours, self._crm, now, crm_link.LINKED, f.received_at)
            put(Topic.LINKS_CHANGED, links[now], key=lead_key(self._tenant, ours), at=f.received_at)
        return counts._replace(
            outcomes=counts.outcomes + len(facts.outcomes),
            events=counts.events + len(facts.events),
            overrides=counts.overrides + len(facts.overrides),
            links=counts.links + is_news,
            unlinked=counts.unlinked + (not any(map(self._lead_of, record.people))),
        )

    def _part(self, record: CrmRecord, links: dict[str, CrmLink], f: Followed, counts: Counts) -> Counts:
        """A record that is gone: its lead is pushed to it no more. Of a merger the lead goes on as the record that is left, with whoever has that."""
        before = links.get(record.record)
        lead = before.lead if before is not None else next((contact.lead for contact in record.people if contact.lead), "")
        if not lead:
            return counts._replace(unlinked=counts.unlinked + 1)
        state = LINK_STATES[record.change]
        if before is not None and before.state in (state, crm_link.ERASED):
            return counts
        owner = links.get(record.into)
        is_free = record.change == MERGED and (owner is None or owner.lead == lead or owner.state != crm_link.LINKED)
        left = record.into if record.change == MERGED else record.record
        link = CrmLink(self._tenant, lead, self._crm, left, crm_link.LINKED if is_free else state, f.received_at)
        links[record.record] = CrmLink(self._tenant, lead, self._crm, record.record, state, f.received_at)
        key = lead_key(self._tenant, lead)
        self._publishing.publish(Topic.LINKS_CHANGED, links[record.record], key=key, at=f.received_at)
        if record.change == MERGED:
            if is_free:
                links[record.into] = link
                self._publishing.publish(Topic.LINKS_CHANGED, link._replace(changed_at=Millis(f.received_at + 1)), key=key, at=f.received_at)
            # both leads are seen with one record: identity makes one person of them
            self._publishing.publish(Topic.EVENTS_RECEIVED, linked(f, lead, record.into, record.at), key=key, at=Millis(record.at))
        return counts._replace(links=counts.links + 1, events=counts.events + (record.change == MERGED))

    def _lead_of(self, contact: Contact) -> str:
        """Our id in the record; else the lead as a collector names one of whom only the address is known."""
        if contact.lead or not self._pseudonym_key:
            return contact.lead
        address = normalised_email(contact.email)
        return f"email:{pseudonym(self._pseudonym_key, self._tenant, 'email', address)}" if address else ""


def _name(record: CrmRecord) -> str:
    """What its values are kept under: HubSpot numbers deals and contacts apart."""
    return f"{record.kind}:{record.record}"
