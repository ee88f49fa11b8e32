"""`python -m tests.bench.crm`: how much of a CRM's quota pushes use, and of a core, against a fake with latency in a process of its own."""

import gc
import multiprocessing
from multiprocessing.connection import Connection
from statistics import median
from time import monotonic, process_time
from typing import Annotated, Any, NamedTuple

import typer

from connectors.crm.contract import Limits, Sink, revision_of
from connectors.crm.delivery.courier import Account, Courier
from connectors.crm.delivery.engine import Delivery
from connectors.crm.delivery.pending import DictPushStore
from connectors.crm.delivery.rules import PushRules, Shown
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.sink import HubSpotSink
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.sink import SalesforceSink
from infra.crm.accounts import CrmAccount, values_shown
from jobs.operators.wall_clock import now_ms
from schemas.policy import TenantPolicy
from tests.builders import TENANT
from tests.fakes import hubspot, salesforce
from tests.fakes.faults import Faults
from tests.fakes.server import Server
from tests.results import a_score
from tests.storm import Nobody

LATENCY_S = 0.1
AIM_RATIO, AIM_CORES = 0.9, 0.5
RULES = PushRules(settle_ms=0, move_settle_ms=0, min_interval_ms=0)
BURST = 190
"""HubSpot's requests in ten seconds, professional; Salesforce has no such limit, and is held to the same."""
WAITING = 5_000
"""Pushes that are due at any time: there is always a full batch to send."""
FEATURES = ["gap", "events_of_type=email_opened", "no city", "channel=web", "types"]
SAID: dict[str, Any] = {
    "reason_features": FEATURES,
    "reason_shares": [-0.5, 0.4, 0.3, 0.2, 0.1],
    "reason_values": [4.3, 1.4, 0.0, 1.0, 5.0],
    "converted_by": [0.1, 0.3, 0.5, 0.7, 0.8],
}
SHOWN = values_shown(CrmAccount(TENANT, "", {}, RULES, matches=False, creates=False, interval_ends_ms=TenantPolicy().interval_ends_ms))
"""As in the job: reasons in words, and the date."""


class Throughput(NamedTuple):
    """What was reached.

    `ratio`: what the vendor takes in an interval, by what it was sent in one, the reserve for other apps not taken off. `full`: leads in a
    request by those that one may hold. `cores`: without the fake's; `fake_s`: of a core, for each
    request, by the fake.
    """

    crm: str
    requests: int
    leads_per_s: float
    ratio: float
    full: float
    cores: float
    fake_s: float


def serve(crm: str, leads: int, told: Connection) -> None:
    """The fake, with contacts that carry our ids; tells at the end when it met which request."""
    faults = Faults(latency_s=LATENCY_S)
    if crm == "hubspot":
        hub = hubspot.HubSpot(burst=BURST, validates=False, faults=faults)
        hub.set_up()
        records, app = [hub.add(prox_lead_id=f"lead-{n}") for n in range(leads)], hub.app
    else:
        org = salesforce.Salesforce(faults=faults)
        records, app = [f"Lead/{org.add(ProX_Lead_Id__c=f'lead-{n}')}" for n in range(leads)], org.app
    with Server(app) as server:
        told.send((server.url, records))
        used = process_time()
        told.recv()
        exceeded, arrivals = (hub.exceeded, hub.arrivals) if crm == "hubspot" else (0, org.arrivals)
        told.send((exceeded, arrivals, (process_time() - used) / len(arrivals)))


def measure(crm: str, intervals: int) -> Throughput:
    """Push the second score of leads that the CRM has, for so many intervals of the quota after the first."""
    batch = {"hubspot": 100, "salesforce": 200}[crm]
    leads = BURST * (intervals + 1) * batch
    ours, theirs = multiprocessing.Pipe()
    fake = multiprocessing.get_context("spawn").Process(target=serve, args=(crm, leads, theirs))
    fake.start()
    url, records = ours.recv()
    limits, sink = _sink(crm, url)
    store, courier = DictPushStore(), Courier()
    for n, record in enumerate(records):
        store.show(f"lead-{n}", Shown(record, revision_of(a_score(f"lead-{n}")), "D3", 0.1, 0))
    delivery = Delivery(TENANT, crm, limits=limits, rules=RULES, store=store, now=now_ms())
    scores = [a_score(f"lead-{n}", sequence=2, propensity=0.8, **SAID) for n in range(leads)]
    gc.collect()
    gc.freeze()  # in a job the scores to come are the broker's, and no collection looks through them
    offered, done, accounts = 0, 0, {crm: Account(delivery, sink)}
    began, used = monotonic(), process_time()
    while done < leads:
        while offered < leads and delivery.pending < WAITING:
            delivery.offer(scores[offered], now_ms())
            offered += 1
        done += len(courier.pump(accounts, now_ms(), wait_s=0.05))
    took, cpu_s = monotonic() - began, process_time() - used
    courier.close(sink)
    ours.send("over")
    exceeded, arrivals, fake_s = ours.recv()
    fake.join()
    assert exceeded == 0, f"{exceeded} requests over the quota"
    granted = int(limits.burst * (1 - limits.burst_reserve))
    whole = (len(arrivals) - 1) // granted  # the k-th request of an interval may come when the k-th of the one before is an interval old
    per_s = median(granted * whole / (arrivals[k + granted * whole] - arrivals[k]) for k in range(len(arrivals) - granted * whole))
    full = leads / len(arrivals) / batch
    return Throughput(crm, len(arrivals), per_s * full * batch, per_s / (BURST / 10.0), full, cpu_s / took, fake_s)


def _sink(crm: str, url: str) -> tuple[Limits, Sink]:
    config: HubSpotConfig | SalesforceConfig
    if crm == "hubspot":
        config = HubSpotConfig.model_validate({"base_url": url, "access_token": hubspot.TOKEN, "burst": BURST})
        return config.limits(), HubSpotSink(config, Nobody(), values=SHOWN)
    credentials = {"client_id": salesforce.CLIENT_ID, "client_secret": salesforce.CLIENT_SECRET}
    config = SalesforceConfig.model_validate({"login_url": url, "burst": BURST, **credentials})
    return config.limits(), SalesforceSink(config, Nobody(), SalesforceClient(config, clock=lambda: now_ms() / 1_000), values=SHOWN)


def main(
    intervals: Annotated[int, typer.Option(min=1, help="of ten seconds, after the first")] = 4,
    crm: Annotated[list[str], typer.Option(help="which")] = ["hubspot", "salesforce"],  # noqa: B006 - typer's way
) -> None:
    """Measure."""
    for name in crm:
        reached = measure(name, intervals)
        print(  # noqa: T201 - a command's answer
            f"{name}: {reached.requests:,} requests, {reached.leads_per_s:,.0f} leads/s, {reached.ratio:.1%} of the requests that"
            f" {BURST} in 10 s allow (aim {AIM_RATIO:.0%}, 5 % reserve included), batches {reached.full:.1%} full,"
            f" {reached.cores:.2f} of a core (aim under {AIM_CORES}); the fake took {reached.fake_s * 1_000:.0f} ms a request"
        )


if __name__ == "__main__":
    typer.run(main)
