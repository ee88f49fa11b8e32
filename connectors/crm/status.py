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


BACK = "back_"
BACK_COUNTS = ("lag_s", "failures", "records", "outcomes", "events", "links", "overrides", "unlinked")


class AccountStatus(NamedTuple):
    """An account as last told. `values` has what of COUNTS is known, since the job's last start; `back` is None where nobody follows it."""

    crm: str
    as_of: Millis
    state: State
    values: dict[str, float]
    back: "BackStatus | None" = None


class BackStatus(NamedTuple):
    """How following an account is doing, as last told. `values` has what of BACK_COUNTS is known."""

    as_of: Millis
    state: State
    values: dict[str, float]


class BackStanding(NamedTuple):
    """How following an account is doing. `lag_s` is since all of it was last looked at, None: never; counts are since the service's start."""

    state: State
    lag_s: float | None
    failures: int
    records: int
    outcomes: int
    events: int
    links: int
    overrides: int
    unlinked: int


def metrics_of(tenant: str, crm: str, standing: Standing, now: Millis) -> list[Metric]:
    """The standing as metrics named `crm.…`, their model the CRM."""
    values = standing._asdict() | {"oldest_s": standing.oldest_ms / 1_000, "state": STATES.index(standing.state)}
    known = {name: values[name] for name in ("state", *COUNTS) if values[name] is not None}
    return [Metric(tenant, f"{PREFIX}{name}", crm, now, float(value), standing.scores, 0) for name, value in known.items()]


def back_metrics_of(tenant: str, crm: str, standing: BackStanding, now: Millis) -> list[Metric]:
    """The standing as metrics named `crm.back_…`."""
    values = standing._asdict() | {"state": STATES.index(standing.state)}
    known = {name: values[name] for name in ("state", *BACK_COUNTS) if values[name] is not None}
    return [Metric(tenant, f"{PREFIX}{BACK}{name}", crm, now, float(value), standing.records, 0) for name, value in known.items()]


def statuses_of(metrics: Iterable[Metric]) -> list[AccountStatus]:
    """The accounts that a tenant's latest metrics tell of, by CRM; one that is only followed is open, with nothing pending."""
    by_crm: dict[str, dict[str, Metric]] = {}
    for metric in metrics:
        if metric.name.startswith(PREFIX):
            by_crm.setdefault(metric.model, {})[metric.name.removeprefix(PREFIX)] = metric
    return [_status(crm, named) for crm, named in sorted(by_crm.items()) if "state" in named or f"{BACK}state" in named]


def _status(crm: str, named: dict[str, Metric]) -> AccountStatus:
    told, told_back = named.get("state"), named.get(f"{BACK}state")
    back = None
    if told_back is not None:
        values = {name: named[f"{BACK}{name}"].value for name in BACK_COUNTS if f"{BACK}{name}" in named}
        back = BackStatus(told_back.as_of, STATES[int(told_back.value)], values)
    if told is None:
        assert told_back is not None
        return AccountStatus(crm, told_back.as_of, State.OPEN, {}, back)
    return AccountStatus(crm, told.as_of, STATES[int(told.value)], {name: named[name].value for name in COUNTS if name in named}, back)
