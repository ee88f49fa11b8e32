"""`python -m tests.bench.crm`: how much of a CRM's quota pushes use, and of a core, against a fake with latency in a process of its own."""

import multiprocessing
from multiprocessing.connection import Connection
from time import monotonic, process_time
from typing import Annotated, NamedTuple

import typer

from connectors.crm.contract import Sink, revision_of
from connectors.crm.delivery.courier import Account, Courier
from connectors.crm.delivery.engine import Delivery
from connectors.crm.delivery.pending import DictPushStore
from connectors.crm.delivery.rules import PushRules, Shown
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.sink import HubSpotSink
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.sink import SalesforceSink
from jobs.operators.wall_clock import now_ms
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


class Throughput(NamedTuple):
    """What was reached. `ratio`: the shortest time in which the quota lets so many through, by the time it took. `cores`: without the fake's."""

    crm: str
    leads: int
    leads_per_s: float
    ratio: float
    cores: float


def serve(crm: str, leads: int, told: Connection) -> None:
    """The fake, with contacts that carry our ids."""
    faults = Faults(latency_s=LATENCY_S)
    if crm == "hubspot":
        hub = hubspot.HubSpot(burst=BURST, validates=False, faults=faults)
        hub.set_up()
        records = [hub.add(prox_lead_id=f"lead-{n}") for n in range(leads)]
        app = hub.app
    else:
        org = salesforce.Salesforce(faults=faults)
        records = [f"Lead/{org.add(ProX_Lead_Id__c=f'lead-{n}')}" for n in range(leads)]
        app = org.app
    with Server(app) as server:
        told.send((server.url, records))
        told.recv()
        told.send((hub.exceeded, len(hub.arrivals)) if crm == "hubspot" else (0, org.used))


def measure(crm: str, seconds: float) -> Throughput:
    """Push the second score of as many leads as the quota lets through in that time."""
    batch = 100 if crm == "hubspot" else 200
    leads = BURST * (round(seconds / 10) + 1) * batch  # the first interval's requests may go at once: the last ones after `seconds`
    ours, theirs = multiprocessing.Pipe()
    fake = multiprocessing.get_context("spawn").Process(target=serve, args=(crm, leads, theirs))
    fake.start()
    url, records = ours.recv()
    sink: Sink
    if crm == "hubspot":
        sink = HubSpotSink(HubSpotConfig.model_validate({"base_url": url, "access_token": hubspot.TOKEN, "burst": BURST}), Nobody())
    else:
        credentials = {"client_id": salesforce.CLIENT_ID, "client_secret": salesforce.CLIENT_SECRET}
        config = SalesforceConfig.model_validate({"login_url": url, "burst": BURST, "daily_reserve": 0.0, **credentials})
        sink = SalesforceSink(config, Nobody(), SalesforceClient(config, clock=lambda: now_ms() / 1_000))
    limits = sink.limits._replace(burst_reserve=0.0)
    store, courier = DictPushStore(), Courier()
    for n, record in enumerate(records):
        store.show(f"lead-{n}", Shown(record, revision_of(a_score(f"lead-{n}")), "D3", 0.1, 0))
    delivery = Delivery(TENANT, crm, limits=limits, rules=RULES, store=store, now=now_ms())
    scores = [a_score(f"lead-{n}", sequence=2, propensity=0.8) for n in range(leads)]
    began, used = monotonic(), process_time()
    for score in scores:
        delivery.offer(score, now_ms())
    done, accounts = 0, {crm: Account(delivery, sink)}
    while done < leads:
        done += len(courier.pump(accounts, now_ms(), wait_s=0.02))
    took, cpu_s = monotonic() - began, process_time() - used
    courier.close(sink)
    ours.send("over")
    exceeded, _ = ours.recv()
    fake.join()
    assert exceeded == 0, f"{exceeded} requests over the quota"
    return Throughput(crm, leads, leads / took, seconds / took, cpu_s / took)


def main(seconds: Annotated[float, typer.Option(min=10.0, help="worth of quota")] = 60.0) -> None:
    """Measure both."""
    for crm in ("hubspot", "salesforce"):
        reached = measure(crm, seconds)
        print(  # noqa: T201 - a command's answer
            f"{crm}: {reached.leads:,} leads at {reached.leads_per_s:,.0f} leads/s, {reached.ratio:.0%} of the quota (aim {AIM_RATIO:.0%}),"
            f" {reached.cores:.2f} of a core (aim under {AIM_CORES})"
        )


if __name__ == "__main__":
    typer.run(main)
