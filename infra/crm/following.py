"""The service that follows CRM accounts: each by itself, so that one that is away or blocked disturbs no other."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.links import LinkStore
from connectors.cassandra.values import CursorStore, ValueStore
from connectors.crm.allowance import Allowance
from connectors.crm.back import BackSettings
from connectors.crm.delivery.gate import State
from connectors.crm.delivery.pace import backoff_ms
from connectors.crm.status import BackStanding, back_metrics_of
from connectors.kafka.admin import topic_name
from connectors.kafka.consumer import Record
from connectors.kafka.following import Following
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra.crm.accounts import CrmAccount, limits_of, source_of
from infra.crm.follow import Follower, Stores
from infra.logging import get_logger
from infra.settings import Settings
from schemas.codec import Codec
from schemas.crm_change import CrmChange
from schemas.errors import AuthError, PoisonRecordError, ProxError, QuotaSpentError, RateLimitedError, RetriableError, TenantBlockedError
from schemas.ids import Millis
from schemas.topics import Topic

CHANGES_AT_ONCE = 200
IDLE_S = 0.5
BLOCKED_S = 900.0
"""An account whose credentials were refused is tried again every quarter of an hour."""
STATUS_MS = 10_000
LEFT_OFF_S = 0.2


class Parts(NamedTuple):
    """What all accounts share."""

    settings: Settings
    codec: Codec
    producer: Producer
    cassandra: CassandraClient
    clock: Callable[[], Millis]


@contextmanager
def opened(settings: Settings, clock: Callable[[], Millis]) -> Iterator[Parts]:
    """Connections, for as long as they are needed."""
    codec = Registry(settings.kafka).codec()
    with CassandraClient(settings.cassandra) as cassandra:
        yield Parts(settings, codec, Producer(settings.kafka, codec), cassandra, clock)


def followed(accounts: Sequence[CrmAccount], tenant: str | None, crm: str | None) -> list[CrmAccount]:
    """The accounts from which something comes back, of a tenant and a CRM if these are given."""
    wanted = [account for account in accounts if account.back is not None]
    return [one for one in wanted if tenant in (None, one.tenant) and crm in (None, one.crm)]


async def follow(parts: Parts, accounts: Sequence[CrmAccount], *, once: bool = False) -> list["AccountLoop"]:
    """Follow accounts until it is cancelled; `once`: until each was walked to its end, and what was heard of it is dealt with."""
    loops = [AccountLoop(parts, account) for account in accounts]
    async with asyncio.TaskGroup() as tasks:
        for loop in loops:
            tasks.create_task(loop.run(once=once))
    return loops


class AccountLoop:
    """One account: what its webhooks told first, then what has changed, again and again."""

    def __init__(self, parts: Parts, account: CrmAccount) -> None:
        assert account.back is not None
        self._parts = parts
        self._account = account
        self._back: BackSettings = account.back
        self._state, self._reason = State.OPEN, ""
        self._failures = self._tries = 0
        self._told_at = 0
        self._walked_at: Millis | None = None
        stores = Stores(ValueStore(parts.cassandra), LinkStore(parts.cassandra), CursorStore(parts.cassandra))
        self._allowance = Allowance(limits_of(account, parts.settings.secrets_keys), self._back.share, parts.clock)
        self._begun_at = 0
        source = source_of(account, self._allowance, keys=parts.settings.secrets_keys, clock=lambda: parts.clock() / 1_000)
        key = parts.settings.pseudonym_key.get_secret_value().encode()
        self.follower = Follower(account.tenant, account.crm, source, self._back, stores, parts.producer, pseudonym_key=key, clock=parts.clock)

    async def run(self, *, once: bool) -> None:
        """Until it is cancelled."""
        account, parts = self._account, self._parts
        name = topic_name(parts.settings.kafka, Topic.CHANGES_NOTICED)
        with Following(parts.settings.kafka, name, group=f"prox.crm_follower.{account.tenant}.{account.crm}") as changes:
            heard: list[Record] = []
            look_at = 0
            try:
                while True:
                    try:
                        heard = heard or await self._next(changes, once=once)
                        if heard:
                            await self.follower.hear(self._ours(heard))
                            await asyncio.to_thread(changes.pass_over, heard)
                            heard = []
                        elif parts.clock() >= look_at:
                            is_end = await self.follower.look()
                            if is_end:
                                self._walked_at = parts.clock()
                                look_at = self._walked_at + self._pause_ms()
                                if once:
                                    return
                        else:
                            await asyncio.sleep(IDLE_S)
                        self._answers()
                    except ProxError as exc:
                        await asyncio.sleep(self._trouble(exc))
                    await self._tell()
            finally:
                await self._tell(is_last=True)
                await self.follower.close()

    def _pause_ms(self) -> int:
        """Until the next look: as the tenant says, and long enough for the day's share of the quota to last the day."""
        requests, self._begun_at = self._allowance.requests - self._begun_at, self._allowance.requests
        return max(round(self._back.every.total_seconds() * 1_000), self._allowance.spread_ms(requests))

    async def _next(self, changes: Following, *, once: bool) -> list[Record]:
        """What has come; whoever runs once waits a moment for it."""
        return await asyncio.to_thread(changes.take, CHANGES_AT_ONCE, wait_s=LEFT_OFF_S) if once else changes.take(CHANGES_AT_ONCE)

    def _ours(self, records: Sequence[Record]) -> list[CrmChange]:
        found: list[CrmChange] = []
        for record in records:
            try:
                change = self._parts.codec.decode_as(CrmChange, record.value)
            except PoisonRecordError as exc:  # only a collector of ours writes there
                get_logger().warning("change.unreadable", topic=Topic.CHANGES_NOTICED.value, error_type=exc.reason)
                continue
            if (change.tenant, change.crm) == (self._account.tenant, self._account.crm):
                found.append(change)
        return found

    def _answers(self) -> None:
        self._tries = 0
        if self._state is not State.OPEN:
            self._state, self._reason = State.OPEN, ""
            self._log()

    def _trouble(self, exc: ProxError) -> float:
        """How many seconds to wait."""
        self._failures += 1
        self._tries += 1
        waits_s = backoff_ms(self._tries, self._account.name) / 1_000
        match exc:
            case QuotaSpentError():
                state, waits_s = State.QUOTA_SPENT, exc.retry_after_s or BLOCKED_S
            case RateLimitedError():
                state, waits_s = State.THROTTLED, exc.retry_after_s or waits_s
            case RetriableError():
                state, waits_s = State.AWAY, max(waits_s, exc.retry_after_s or 0.0)
            case AuthError():
                state, waits_s = State.UNAUTHORIZED, BLOCKED_S
            case TenantBlockedError() | PoisonRecordError():  # it says why; the others go on
                state, waits_s = State.BLOCKED, BLOCKED_S
            case _:
                raise exc
        is_news = state is not self._state
        self._state, self._reason = state, str(exc)
        if is_news:
            self._log()
        return waits_s

    def _log(self) -> None:
        account = self._account
        get_logger().info("account.followed", crm=account.crm, tenant_id=account.tenant, status=self._state, reason=self._reason)

    async def _tell(self, *, is_last: bool = False) -> None:
        """Publish how it is doing, now and then."""
        now = self._parts.clock()
        if not is_last and now < self._told_at + STATUS_MS:
            return
        self._told_at = now
        lag_s = None if self._walked_at is None else (now - self._walked_at) / 1_000
        standing = BackStanding(self._state, lag_s, self._failures, **self.follower.counts._asdict())
        account = self._account
        try:
            for metric in back_metrics_of(account.tenant, account.crm, standing, now):
                self._parts.producer.publish(Topic.METRICS_PUBLISHED, metric, key=account.tenant, at=now)
            await asyncio.to_thread(self._parts.producer.flush)
        except RetriableError:
            self._log()
