"""A follower over a fake CRM, with what it remembers in dicts and what it publishes in a list."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from connectors.cassandra.values import KnownValue
from infra.crm.follow import Follower, Stores
from schemas.crm_change import CrmChange
from schemas.crm_link import LINKED, CrmLink
from schemas.errors import RetriableError
from schemas.event import Event
from schemas.ids import Millis
from schemas.outcome import Outcome
from schemas.topics import Topic, Value
from tests.builders import FRIDAY, TENANT
from tests.collector import SECRET
from tests.crm_sources import HubSpotCrm, SalesforceCrm

T = TypeVar("T", bound=Value)


@dataclass
class Memory:
    """Stores as a follower sees them: links come from the log, as `store_results` writes them."""

    values: dict[tuple[str, str, int], str] = field(default_factory=dict)
    links: dict[str, CrmLink] = field(default_factory=dict)
    cursor_text: str = ""
    sent: list[Value] = field(default_factory=list)
    waiting: list[Value] = field(default_factory=list)
    fails: int = 0
    """So many flushes fail; what was published before each may have arrived or not."""

    def known(self, tenant: str, crm: str, records: Sequence[str]) -> list[KnownValue]:  # noqa: ARG002 - as the store has it
        return [KnownValue(r, f, Millis(at), text) for (r, f, at), text in sorted(self.values.items()) if r in records]

    def remember(self, tenant: str, crm: str, values: Iterable[KnownValue]) -> None:  # noqa: ARG002 - as the store has it
        self.values |= {(value.record, value.field, value.at): value.value for value in values}

    def of_records(self, tenant: str, crm: str, records: Sequence[str]) -> dict[str, CrmLink]:  # noqa: ARG002 - as the store has it
        return {record: self.links[record] for record in records if record in self.links}

    def cursor(self, tenant: str, crm: str) -> str:  # noqa: ARG002 - as the store has it
        return self.cursor_text

    def move(self, tenant: str, crm: str, cursor: str, now: Millis) -> None:  # noqa: ARG002 - as the store has it
        self.cursor_text = cursor

    def publish(self, topic: Topic, value: Value, *, key: str, at: Millis) -> None:  # noqa: ARG002 - as the store has it
        assert key.startswith(f"{TENANT}|")
        self.waiting.append(value)

    def flush(self) -> None:
        if self.fails:
            self.fails -= 1
            raise RetriableError("Kafka is away")
        self.sent += self.waiting
        self.links |= {link.record: link for link in self.waiting if isinstance(link, CrmLink)}
        self.waiting = []

    def of(self, kind: type[T]) -> list[T]:
        return [value for value in self.sent if isinstance(value, kind)]

    @property
    def outcomes(self) -> set[tuple[str, str]]:
        return {(outcome.lead, outcome.outcome) for outcome in self.of(Outcome)}

    def identities(self) -> list[str]:
        """Of all outcomes and events: what a repeat has again."""
        return [f"{o.lead} {o.outcome_id}" for o in self.of(Outcome)] + [f"{e.lead} {e.event_id}" for e in self.of(Event)]


@dataclass
class Following:
    """One account, followed."""

    crm: HubSpotCrm | SalesforceCrm
    name: str
    memory: Memory = field(default_factory=Memory)
    now: Millis = FRIDAY

    def _follower(self) -> Follower:
        stores = Stores(self.memory, self.memory, self.memory)
        return Follower(TENANT, self.name, self.crm.source(), self.crm.back, stores, self.memory, pseudonym_key=SECRET, clock=lambda: self.now)

    def walk(self) -> Follower:
        """Look until there is no more."""

        async def go() -> Follower:
            follower = self._follower()
            try:
                while not await follower.look():
                    pass
            finally:
                await follower.close()
            return follower

        return asyncio.run(go())

    def hear(self, changes: Sequence[CrmChange]) -> Follower:
        """Take what a webhook told."""

        async def go() -> Follower:
            follower = self._follower()
            try:
                await follower.hear(changes)
            finally:
                await follower.close()
            return follower

        return asyncio.run(go())

    def link(self, record: str, lead: str) -> None:
        """A push was delivered there."""
        self.memory.links[record] = CrmLink(TENANT, lead, self.name, record, LINKED, FRIDAY)
