"""`python -m tests.bench.crm_backfill`: how long a changed grade takes while a CRM's quota is full of first pushes, in time of its own.

No I/O and no clock: the engine alone, a CRM that answers after 100 ms, and an operator that looks every 50 ms.
"""

from collections import deque
from statistics import median
from typing import Annotated

import typer

from connectors.crm.contract import Answer, Answered, Limits, Request, Stage, Verdict, revision_of
from connectors.crm.delivery.engine import Delivery
from connectors.crm.delivery.pending import DictPushStore
from connectors.crm.delivery.rules import GRADE, PushRules, Shown
from tests.builders import TENANT
from tests.results import a_score

LATENCY_MS, POLL_MS = 100, 50
EVERY_MS = 500
"""So often the grade of one more lead changes."""
CHANGES = 200
BEGINS_MS = 3_600_000
"""Long after the known leads' last push: the tenant's interval keeps nothing back."""


def measure(leads: int) -> list[float]:
    """Delays of changed grades in seconds, rising, from the score to the CRM's answer: two of them are the rules' settling."""
    store = DictPushStore()
    for n in range(CHANGES):
        store.show(f"known-{n}", Shown(f"r-{n}", revision_of(a_score(f"known-{n}")), "D3", 0.1, 0))
    limits = Limits(batch=100, concurrency=25, burst=190, daily=625_000)
    delivery = Delivery(TENANT, "crm", limits=limits, rules=PushRules(), store=store, now=BEGINS_MS, matches=False, creates=True)
    for n in range(leads):
        delivery.offer(a_score(f"new-{n}"), BEGINS_MS)
    under_way: deque[tuple[int, Request]] = deque()
    delays_s: list[float] = []
    now = BEGINS_MS
    while len(delays_s) < CHANGES:
        now += POLL_MS
        while under_way and under_way[0][0] <= now:
            _, request = under_way.popleft()
            for ended in delivery.answered(request, Answered([_answer(request.stage, item.lead) for item in request.items]), now):
                if ended.report.cause == GRADE:
                    delays_s.append((now - ended.report.due_since) / 1_000)
        number, rest = divmod(now - BEGINS_MS, EVERY_MS)
        if rest == 0 and number <= CHANGES:
            delivery.offer(a_score(f"known-{number - 1}", sequence=2, propensity=0.9), now)
        under_way.extend((now + LATENCY_MS, request) for request in delivery.due(now))
    return sorted(delays_s)


def _answer(stage: Stage, lead: str) -> Answer:
    return Answer(Verdict.MISSING) if stage is Stage.LOOK else Answer(Verdict.DONE, record=f"r-{lead}")


def main(leads: Annotated[int, typer.Option(help="that are pushed for the first time")] = 100_000) -> None:
    """Measure."""
    delays_s = measure(leads)
    print(  # noqa: T201 - a command's answer
        f"a changed grade behind {leads:,} first pushes: median {median(delays_s):.1f} s, p95 {delays_s[int(0.95 * len(delays_s))]:.1f} s"
    )


if __name__ == "__main__":
    typer.run(main)
