"""How an account is doing, as metrics: they have a topic, a table and a history already."""

from collections.abc import Iterable
from typing import NamedTuple

from connectors.crm.delivery.engine import Standing
from connectors.crm.delivery.gate import State
from schemas.ids import Millis
from schemas.metric import Metric

PREFIX = "crm."
STATES = (State.OPEN, State.WAITING, State.THROTTLED, State.AWAY, State.QUOTA_SPENT, State.UNAUTHORIZED, State.BLOCKED)
"""In this order on the wire: a state is the number of its place."""
MEANINGS = {
    State.OPEN: "Pushes go out as they are due.",
    State.WAITING: "The quota of the next seconds is used; pushes wait for it.",
    State.THROTTLED: "The CRM asked for a pause.",
    State.AWAY: "The CRM does not answer; pushes are kept and tried again.",
    State.QUOTA_SPENT: "The calls of the day, but for the reserve, are spent; pushes are kept.",
    State.UNAUTHORIZED: "The CRM refuses the credentials: give new ones. Pushes are kept.",
    State.BLOCKED: "A field or a permission is missing: run the set-up again. Pushes are kept.",
}
COUNTS = ("pending", "oldest_s", "daily_left", "scores", "requests", "delivered", "surpassed", "skipped", "refused", "failures", "withdrawn")


class AccountStatus(NamedTuple):
    """An account as last told. `values` has what of COUNTS is known; counts are since the job's last start."""

    crm: str
    as_of: Millis
    state: State
    values: dict[str, float]


def metrics_of(tenant: str, crm: str, standing: Standing, now: Millis) -> list[Metric]:
    """The standing as metrics named `crm.…`, their model the CRM."""
    values = standing._asdict() | {"oldest_s": standing.oldest_ms / 1_000, "state": STATES.index(standing.state)}
    known = {name: values[name] for name in ("state", *COUNTS) if values[name] is not None}
    return [Metric(tenant, f"{PREFIX}{name}", crm, now, float(value), standing.scores, 0) for name, value in known.items()]


def statuses_of(metrics: Iterable[Metric]) -> list[AccountStatus]:
    """The accounts that a tenant's latest metrics tell of, by CRM."""
    by_crm: dict[str, dict[str, Metric]] = {}
    for metric in metrics:
        if metric.name.startswith(PREFIX):
            by_crm.setdefault(metric.model, {})[metric.name.removeprefix(PREFIX)] = metric
    told = [(crm, named["state"], named) for crm, named in sorted(by_crm.items()) if "state" in named]
    return [
        AccountStatus(crm, state.as_of, STATES[int(state.value)], {name: named[name].value for name in COUNTS if name in named})
        for crm, state, named in told
    ]
