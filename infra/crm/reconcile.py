"""Compares what a CRM shows with the latest scores, page by page within a share of the quota, and mends what differs."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from connectors.crm.contract import Answered, Limits, Request, Sink, Stage, Verdict
from connectors.crm.delivery.courier import Account, Courier
from connectors.crm.delivery.engine import Delivery
from connectors.crm.delivery.pending import DictPushStore
from infra.crm.accounts import CrmAccount
from schemas.errors import RetriableError
from schemas.push import REFUSED, SKIPPED
from schemas.score import LeadScore

PENDING = 2_000
"""Leads under comparison at once: what is read of Cassandra waits for the CRM."""
WAIT_S = 0.1
STUCK_MS = 600_000
"""An account that ends nothing for so long is away or blocked: run it again when it is not."""


class Reconciled(NamedTuple):
    """What a comparison found. `in_step` and `mended` are of leads that the CRM has."""

    leads: int
    in_step: int
    mended: int
    absent: int
    refused: int

    @property
    def drift_ratio(self) -> float:
        """Share of the CRM's leads that did not show what they should."""
        return self.mended / max(1, self.in_step + self.mended)


class _Counting:
    """A sink that counts the leads it has written."""

    def __init__(self, sink: Sink, share: float) -> None:
        self._sink = sink
        theirs = sink.limits
        daily = None if theirs.daily is None else max(1, int(theirs.daily * share))
        self.limits: Limits = theirs._replace(burst=max(1, int(theirs.burst * share)), daily=daily, burst_reserve=0.0, daily_reserve=0.0)
        self.written = 0

    async def set_up(self) -> list[str]:
        return await self._sink.set_up()

    async def send(self, request: Request) -> Answered:
        answered = await self._sink.send(request)
        if request.stage in (Stage.LINK, Stage.WRITE):
            self.written += sum(answer.verdict is Verdict.DONE for answer in answered.answers)
        return answered

    async def close(self) -> None:
        await self._sink.close()


def reconcile(account: CrmAccount, sink: Sink, scores: Iterable[LeadScore], *, share: float, clock: Callable[[], int]) -> Reconciled:
    """Look at each lead's record, and write the score where another grade is shown than should be; a later revision is left alone.

    Parameters
    ----------
    account
        Whose rules and permissions count.
    sink
        Its sink; closed at the end.
    scores
        The latest score of each lead, each lead once.
    share
        Of the account's quota, in (0, 1]; `push_scores` goes on with the rest, so the shares together must not exceed it.
    clock
        Milliseconds since 1970.

    Raises
    ------
    RetriableError
        The account ends nothing for ten minutes.
    """
    counting, store, courier = _Counting(sink, share), DictPushStore(), Courier()
    delivery = Delivery(
        account.tenant,
        account.crm,
        limits=counting.limits,
        rules=account.rules,
        store=store,
        now=clock(),
        matches=account.matches,
        creates=account.creates,
    )
    accounts = {account.name: Account(delivery, counting)}
    ended: list[str] = []
    leads = 0

    def work_off(most: int) -> None:
        moved_at, before = clock(), len(ended)
        while delivery.pending > most:
            ended.extend(one.report.status for _, one in courier.pump(accounts, clock(), wait_s=WAIT_S))
            if len(ended) > before:
                moved_at, before = clock(), len(ended)
            if clock() - moved_at > STUCK_MS:
                standing = delivery.standing(clock())
                raise RetriableError(f"{account.crm} of {account.tenant} is {standing.state}: {standing.reason}")

    try:
        for score in scores:
            leads += 1
            delivery.repair(score, clock())
            work_off(PENDING)
        work_off(0)
    finally:
        courier.close(counting)
    absent, refused = ended.count(SKIPPED), ended.count(REFUSED)
    return Reconciled(leads, leads - counting.written - absent - refused, counting.written, absent, refused)
