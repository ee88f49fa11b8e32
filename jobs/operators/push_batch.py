"""A lane's batch of scores and moves → the delivery engines of its tenants' CRM accounts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import structlog
from pyflink.datastream.functions import KeyedProcessFunction, RuntimeContext

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.profiles import ProfileStore
from connectors.cassandra.scores import ScoreStore
from connectors.crm.contract import made_at
from connectors.crm.delivery.courier import Account, Courier
from connectors.crm.delivery.decided import Decided
from connectors.crm.delivery.engine import Delivery, Ended, Standing
from connectors.crm.delivery.gate import State
from connectors.crm.status import metrics_of
from infra.crm.accounts import CrmAccount, TenantAddresses, sink_of
from infra.settings import Settings
from jobs.operators.guard import Guard
from jobs.operators.lane_state import bytes_by_text
from jobs.operators.opening import opened_codec
from jobs.operators.push_state import AccountPushes, Decisions
from jobs.operators.wall_clock import now_ms
from jobs.sinks import Publisher, Record, in_rows
from schemas import crm_link
from schemas.crm_link import CrmLink
from schemas.errors import PoisonRecordError, RetriableError
from schemas.identity import LeadMoved
from schemas.ids import Millis, lead_key, split_lead_key
from schemas.override import Override, effective
from schemas.push import REFUSED
from schemas.score import LeadScore
from schemas.topics import Topic, Value

STAGE = "push_scores.push_batch"
SOURCES = (Topic.SCORES_PUBLISHED, Topic.LINKS_CHANGED, Topic.OVERRIDES_DECIDED, Topic.LEADS_MOVED)
POLL_MS = 50
"""How often a lane looks for answers while requests are under way."""
STATUS_MS = 10_000
"""How often an account's standing is published, if it has changed."""
SHOWN_DAYS = 400
LOOK_AGAIN_MS = 2_000
"""A score that Cassandra does not have yet is asked for again."""
REFUSED_AGAIN_MS = 3_600_000
"""An override that a CRM refused is tried again once in an hour: it is no record that could be sent back."""


def check_record(record: Value, key: bytes) -> None:
    """Refuse what is no score, link, override or move of the key's lead."""
    if not isinstance(record, LeadScore | CrmLink | Override | LeadMoved):
        raise PoisonRecordError(f"a {type(record).__name__} where a LeadScore belongs", reason="wrong_type")
    if key != lead_key(record.tenant, record.lead).encode():
        raise PoisonRecordError("the record's key is not tenant|lead")


class Scores(Protocol):
    """As `connectors.cassandra.scores.ScoreStore`."""

    def latest(self, tenant: str, lead: str) -> LeadScore | None: ...  # noqa: D102


class _Lane:
    """The accounts of one lane, and when it is looked at next."""

    def __init__(self, decisions: Decisions) -> None:
        self.decisions = decisions
        self.accounts: dict[str, Account] = {}
        self.of_tenant: dict[str, dict[str, Delivery]] = {}
        self.timer_at = 0


class PushBatch(KeyedProcessFunction):
    """Keyed by lane of tenant.

    Parameters
    ----------
    settings
        Where Kafka, the registry and Cassandra are; and, where the operator runs, the keys of that environment.
    accounts
        Every CRM account, of tenants of any lane, its secrets sealed: they are opened where they are used.
    clock
        Milliseconds since 1970; pushes are paced by the wall clock.
    scores
        Where leads' latest scores are: asked for a lead on which something was decided.
    """

    def __init__(
        self,
        settings: Settings,
        accounts: Sequence[CrmAccount],
        clock: Callable[[], Millis] = now_ms,
        scores: Callable[[CassandraClient], Scores] = ScoreStore,
    ) -> None:
        self._opened_scores = scores
        self._settings = settings
        self._clock = clock
        self._accounts = accounts

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open state, codec, and the thread that carries requests."""
        settings = self._settings
        self._codec = opened_codec(settings)
        max_bytes = settings.kafka.max_record_bytes * 2
        self._guard = Guard(STAGE, self._codec, SOURCES, check=check_record, max_bytes=max_bytes, release=settings.release)
        self._shown = bytes_by_text(runtime_context, "shown", days=SHOWN_DAYS)
        self._pending = bytes_by_text(runtime_context, "pending")
        self._kept = bytes_by_text(runtime_context, "accounts")
        self._decisions = bytes_by_text(runtime_context, "decisions")
        self._moved = bytes_by_text(runtime_context, "moved", days=SHOWN_DAYS)
        self._publisher = Publisher(settings.kafka)
        self._cassandra = CassandraClient(settings.cassandra)
        self._scores = self._opened_scores(self._cassandra)
        self._courier = Courier()
        self._lanes: dict[int, _Lane] = {}
        self._told: dict[str, tuple[int, Standing]] = {}
        self._logger = structlog.get_logger()

    def close(self) -> None:
        """End requests and connections."""
        self._courier.close(*(account.sink for lane in self._lanes.values() for account in lane.accounts.values()))
        self._cassandra.close()

    @in_rows
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Record]:
        """Offer the batch's scores, follow its moves. What cannot be read `store_results` has made a dead letter: it reads the same topics."""
        now = self._clock()
        lane = self._enter(ctx.get_current_key(), now)
        for record in self._guard.decode(value).values:
            if record.tenant not in lane.of_tenant:
                self._open_accounts(lane, record.tenant, now)
            self._take(lane, record, now)
        self._review(lane, now)
        yield from self._go_on(lane, now, ctx)

    @in_rows
    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Record]:  # noqa: ARG002 - Flink's signature
        """Take answers, send what is due."""
        now = self._clock()
        lane = self._enter(ctx.get_current_key(), now)
        lane.timer_at = 0
        self._review(lane, now)
        yield from self._go_on(lane, now, ctx)

    def _take(self, lane: _Lane, record: LeadScore | CrmLink | Override | LeadMoved, now: Millis) -> None:
        deliveries, key = lane.of_tenant[record.tenant], lead_key(record.tenant, record.lead)
        match record:
            case LeadScore():
                override = lane.decisions.get(key)
                score = effective(record, override, now)
                for delivery in deliveries.values():
                    delivery.offer(score, now, is_decided=override is not None)
            case CrmLink(state=crm_link.LINKED):
                if record.crm in deliveries and deliveries[record.crm].rejoin(record.lead, record.record):
                    lane.decisions.keep(key, Decided(lane.decisions.get(key), now))
            case CrmLink():
                for crm, delivery in deliveries.items():
                    if crm == record.crm or record.state == crm_link.ERASED:  # who asks one to be forgotten is not shown to the others either
                        delivery.leave(record.lead)
            case Override():
                self._decide(lane, record, now)
            case LeadMoved():
                for delivery in deliveries.values():
                    delivery.move(record.lead, record.to, now)
                decided = lane.decisions.get(key)
                if record.to != record.lead and decided is not None:  # what a person said of the id was said of its lead
                    lane.decisions.drop(key)
                    self._decide(lane, decided._replace(lead=record.to), now)

    def _decide(self, lane: _Lane, override: Override, now: Millis) -> None:
        key = lead_key(override.tenant, override.lead)
        before = lane.decisions.get(key)
        if lane.of_tenant[override.tenant] and (
            before is None or (before.decided_at, before.override_id) < (override.decided_at, override.override_id)
        ):
            lane.decisions.keep(key, Decided(override, now))

    def _review(self, lane: _Lane, now: Millis) -> None:
        """Offer the latest scores of leads on which something was decided, or whose decision has ended: as they are to be acted on now."""
        for key, decided in lane.decisions.due(now).items():
            tenant, lead = split_lead_key(key)
            if tenant not in lane.of_tenant:
                self._open_accounts(lane, tenant, now)
            deliveries = lane.of_tenant[tenant].values()
            try:
                score = self._scores.latest(tenant, lead)
            except RetriableError:
                lane.decisions.keep(key, decided._replace(due_at=now + LOOK_AGAIN_MS))
                continue
            override = decided.override
            if score is not None:
                known = max((delivery.last_known(lead) for delivery in deliveries), default="")
                if (score.as_of, score.sequence) < made_at(known):  # the tables lag behind the log
                    lane.decisions.keep(key, decided._replace(due_at=now + LOOK_AGAIN_MS))
                    continue
                for delivery in deliveries:
                    delivery.offer(effective(score, override, now), now, is_decided=override is not None)
            if override is not None and override.is_standing(now):
                lane.decisions.keep(key, decided._replace(due_at=override.expires_at))
            else:
                lane.decisions.drop(key)

    def _enter(self, key: int, now: Millis) -> _Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(Decisions(self._decisions))
            for tenant in {name.partition("|")[2] for name in list(self._kept.keys())}:  # accounts that it had before a restart
                self._open_accounts(lane, tenant, now)
        return lane

    def _open_accounts(self, lane: _Lane, tenant: str, now: Millis) -> None:
        lane.of_tenant[tenant] = {}
        for account in self._accounts:
            if account.tenant == tenant:
                store = AccountPushes(account.name, self._shown, self._pending, self._kept, self._moved, limit=self._settings.flink.cached_leads)
                addresses = TenantAddresses(tenant, ProfileStore(self._cassandra))
                sink = sink_of(account, addresses, keys=self._settings.secrets_keys, clock=lambda: self._clock() / 1_000)
                delivery = Delivery(
                    tenant,
                    account.crm,
                    limits=sink.limits,
                    rules=account.rules,
                    store=store,
                    now=now,
                    matches=account.matches,
                    creates=account.creates,
                )
                lane.accounts[account.name] = Account(delivery, sink)
                lane.of_tenant[tenant][account.crm] = delivery

    def _go_on(self, lane: _Lane, now: Millis, ctx: Any) -> Iterator[Record]:
        for _, ended in self._courier.pump(lane.accounts, now):
            yield from self._reported(lane, ended, now)
        for name, account in lane.accounts.items():
            yield from self._standing(name, account.delivery, now)
        self._wind(lane, now, ctx.timer_service())

    def _reported(self, lane: _Lane, ended: Ended, now: Millis) -> Iterator[Record]:
        report, score = ended
        named = lead_key(report.tenant, report.lead)
        key = named.encode()
        yield self._publisher.record(Topic.PUSHES_REPORTED, key, self._codec.encode(report), report.reported_at)
        override = lane.decisions.get(named)
        if report.status == REFUSED and override is not None:  # its score is not as it was computed, so it must not go back to the topic
            lane.decisions.keep(named, Decided(override, now + REFUSED_AGAIN_MS))
        elif report.status == REFUSED:
            error = PoisonRecordError(f"{report.crm} refuses the score: {report.reason}", reason="refused")
            letter = self._guard.dead_letter(key, self._codec.encode(score), 0, error)
            yield self._publisher.record(Topic.RECORDS_DEAD, key, self._codec.encode(letter), letter.failed_at)

    def _standing(self, name: str, delivery: Delivery, now: Millis) -> Iterator[Record]:
        told_at, told = self._told.get(name, (0, None))
        if now < told_at + STATUS_MS:
            return
        standing = delivery.standing(now)
        if told is not None and standing._replace(oldest_ms=0) == told._replace(oldest_ms=0):
            return
        self._told[name] = (now, standing)
        delivery.save()
        crm, _, tenant = name.partition("|")
        if told is None or told.state is not standing.state:
            self._logger.info("account.changed", job="push_scores", crm=crm, tenant_id=tenant, status=standing.state, reason=standing.reason)
        for metric in metrics_of(tenant, crm, standing, now):
            yield self._publisher.record(Topic.METRICS_PUBLISHED, tenant.encode(), self._codec.encode(metric), now)

    def _wind(self, lane: _Lane, now: Millis, timers: Any) -> None:
        """Have `on_timer` called when something may have come back, when a push is due, and once more to tell how it ended."""
        times = []
        for name, account in lane.accounts.items():
            told_at, told = self._told[name]
            if account.delivery.under_way:
                times.append(now + POLL_MS)
                continue
            next_at = account.delivery.next_at(now)
            times += [] if next_at is None else [max(next_at, now + POLL_MS)]
            # an account that waits goes on waiting in people's eyes until it is looked at again
            if account.delivery.ends != told.ends or account.delivery.state(now) is not told.state or told.state is State.WAITING:
                times.append(max(told_at + STATUS_MS, now + POLL_MS))
        decided_at = lane.decisions.next_at()
        times += [] if decided_at is None else [max(decided_at, now + POLL_MS)]
        at = min(times, default=0)
        if at and (not lane.timer_at or at < lane.timer_at):
            timers.register_processing_time_timer(at)
            lane.timer_at = at
