"""Runs of the delivery engine against a fake over HTTP, with a clock of their own that runs faster than the real one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from connectors.crm.contract import Limits, Sink
from connectors.crm.delivery.courier import Account, Courier
from connectors.crm.delivery.engine import Delivery, Ended
from connectors.crm.delivery.pending import DictPushStore
from connectors.crm.delivery.rules import PushRules
from schemas.score import LeadScore
from tests.builders import TENANT

QUICK = PushRules(material_move=0.15, settle_ms=0, move_settle_ms=0, min_interval_ms=0, fall_settle_ms=0)


@dataclass
class Run:
    """One account's engine and courier.

    Parameters
    ----------
    haste
        How many milliseconds of the engine pass in one of ours: waits of seconds end sooner.
    """

    sink: Sink
    rules: PushRules = QUICK
    limits: Limits | None = None
    creates: bool = False
    haste: int = 20
    store: DictPushStore = field(default_factory=DictPushStore)
    ended: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = monotonic()
        self.courier = Courier()
        self.delivery = Delivery(
            TENANT, "fake", limits=self.limits or self.sink.limits, rules=self.rules, store=self.store, now=self.now(), creates=self.creates
        )

    def now(self) -> int:
        return 1_000_000 + round((monotonic() - self._began) * 1_000 * self.haste)

    def push(self, *scores: LeadScore) -> list[Ended]:
        """Offer scores, and wait until nothing is pending; what ended meanwhile."""
        for score in scores:
            self.delivery.offer(score, self.now())
        before = len(self.ended)
        self.until(lambda: not self.store.pending_by_lead)
        return self.ended[before:]

    def until(self, is_done: Callable[[], bool], *, longest_s: float = 60.0) -> None:
        began = monotonic()
        while not is_done():
            assert monotonic() - began < longest_s, self.delivery.standing(self.now())
            self.ended += [one for _, one in self.courier.pump({"fake": Account(self.delivery, self.sink)}, self.now(), wait_s=0.005)]

    def close(self) -> None:
        self.courier.close(self.sink)


def statuses(ended: Sequence[Ended]) -> dict[str, tuple[str, str]]:
    """Lead → status and reason."""
    return {one.report.lead: (one.report.status, one.report.reason) for one in ended}
