"""An account's pace: how requests are spread, when a place is free again, and how long a refused account waits."""

from threading import Event
from time import monotonic

from connectors.crm.contract import Answer, Answered, Limits, Request, Verdict, revision_of
from connectors.crm.delivery.courier import Account, Courier
from connectors.crm.delivery.engine import Delivery
from connectors.crm.delivery.gate import BLOCKED_MS, REFUSED_MS, Gate
from connectors.crm.delivery.pace import Spacing
from connectors.crm.delivery.pending import DictPushStore
from connectors.crm.delivery.quota import RollingQuota
from connectors.crm.delivery.rules import PushRules, Shown
from schemas.errors import AuthError
from tests.builders import TENANT
from tests.crm_world import most_within
from tests.results import a_score

LIMITS = Limits(batch=5, burst=200, burst_reserve=0.0)


def test_requests_are_spread_over_the_interval():
    """However many are due: a few at once, then somewhat more than the quota's own pace, and not all in its first second."""
    spacing, begun = Spacing(200, 10_000), []
    for now in range(0, 10_000, 10):
        while spacing.free(now):
            spacing.take()
            begun.append(now)

    assert 10 == begun.count(0)
    assert most_within(begun, 1_000) <= 10 + 25
    assert len(begun) >= 200


def test_what_waits_for_its_space_is_told_when():
    """And then it may begin, no sooner."""
    spacing = Spacing(200, 10_000)
    while spacing.free(5_000):
        spacing.take()
    at = spacing.next_at(5_000)

    assert (0, 1) == (spacing.free(at - 1), spacing.free(at))
    assert at == spacing.next_at(at)


def test_a_place_is_free_an_interval_after_its_own_requests_end():
    """Not when a whole window is over; 5 ms later, as the vendor's clock may run slower than ours."""
    quota = RollingQuota(2, 10_000)
    for ended_at in (1_000, 1_400):
        quota.take()
        quota.give_back(ended_at)

    assert 11_006 == quota.next_at(2_000)
    assert (0, 1, 1, 2) == tuple(quota.free(now) for now in (11_005, 11_006, 11_405, 11_406))


def test_an_account_that_refuses_is_asked_sooner_at_first():
    """A minute at most, then doubling to a quarter of an hour; an answer that is none makes it forget."""
    gate, now, waits = Gate(LIMITS, seed="acme|hubspot", kept=None, now=0), 0, []
    for _ in range(8):
        gate.begin()
        gate.failed(AuthError("revoked"), now, now)
        waits.append(gate.opens_at(now) - now)
        now += waits[-1]
    gate.begin()
    gate.succeeded(now, None)
    gate.begin()
    gate.failed(AuthError("revoked"), now, now)

    assert REFUSED_MS / 2 <= waits[0] <= REFUSED_MS
    assert BLOCKED_MS / 2 <= waits[-1] <= BLOCKED_MS
    assert waits[0] == gate.opens_at(now) - now


class Swift:
    """A sink that writes whatever it is sent."""

    limits = LIMITS

    async def set_up(self) -> list[str]:
        return []

    async def send(self, request: Request) -> Answered:
        return Answered([Answer(Verdict.DONE, record=f"r-{item.lead}") for item in request.items])

    async def close(self) -> None:
        pass


def test_a_request_ends_when_it_is_answered():
    """Not when somebody comes by and asks: its place in the quota would be taken for longer than the vendor takes it."""
    delivery, courier = _delivery({"ada": "D3"}), Courier()
    account = {"crm": Account(delivery, Swift())}
    delivery.offer(a_score(sequence=2, propensity=0.9), _now())
    courier.pump(account, _now())
    assert courier._news.wait(10.0)
    Event().wait(0.1)
    asked_at = _now()
    ((_, ended),) = courier.pump(account, asked_at)
    courier.close(Swift())

    assert ended.report.reported_at <= asked_at - 90


def test_a_changed_grade_goes_before_what_nobody_acts_on_at_once():
    """In the next batch, though more than a batch of moves was due before; also of a lead that waited with a move itself."""
    leads = [f"lead-{n:02}" for n in range(12)]
    delivery = _delivery(dict.fromkeys([*leads, "ada"], "D3"), limits=LIMITS._replace(concurrency=1))
    for lead in leads:
        delivery.offer(a_score(lead, sequence=2, propensity=0.3, grade="D3"), 1_000)
    (first,) = delivery.due(1_000)
    delivery.offer(a_score("ada", sequence=2, propensity=0.9), 1_001)
    delivery.offer(a_score("lead-11", sequence=3, propensity=0.9), 1_001)
    delivery.answered(first, Answered([Answer(Verdict.DONE, record=item.record) for item in first.items]), 1_002)
    (second,) = delivery.due(1_003)

    assert [*leads[:5], "lead-11", "ada", *leads[5:8]] == [item.lead for request in (first, second) for item in request.items]


def _delivery(shown: dict[str, str], limits: Limits = LIMITS) -> Delivery:
    """An engine whose CRM shows these grades, of each lead's first score."""
    store = DictPushStore()
    for lead, grade in shown.items():
        store.show(lead, Shown(f"r-{lead}", revision_of(a_score(lead)), grade, 0.1, 0))
    rules = PushRules(settle_ms=0, move_settle_ms=0, min_interval_ms=0)
    return Delivery(TENANT, "crm", limits=limits, rules=rules, store=store, now=0)


def _now() -> int:
    return round(monotonic() * 1_000)
