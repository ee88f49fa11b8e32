"""`python -m infra crm`: make an account's fields, and say whether it answers."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.leads import LeadStore
from connectors.cassandra.links import LinkStore
from connectors.cassandra.overrides import OverrideStore
from connectors.cassandra.profiles import ProfileStore
from connectors.cassandra.scores import ScoreStore
from connectors.hubspot.sink import HubSpotSink
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.package import package
from connectors.salesforce.sink import SalesforceSink
from infra.crm.accounts import CrmAccount, TenantAddresses, crm_accounts, sink_of, values_shown
from infra.crm.backfill import backfill
from infra.crm.following import follow, followed, opened
from infra.crm.reconcile import Reconciled, reconcile
from infra.settings import Settings
from schemas.crm_link import ERASED, LINKED, CrmLink
from schemas.errors import ConfigError
from schemas.ids import Millis, lead_key
from schemas.override import effective
from schemas.score import LeadScore
from schemas.topics import Topic

PAGE = 500
UNKNOWN_RECORD = "-"
"""Of a link that says only that there is to be none."""


def register(app: typer.Typer) -> None:
    """Give the command line `crm …`."""
    commands = typer.Typer(help="CRM accounts of the tenants file.", no_args_is_help=True)
    commands.command("set-up")(_set_up)
    commands.command("package")(_package)
    commands.command("backfill")(_backfill)
    commands.command("reconcile")(_reconcile)
    commands.command("follow")(_follow)
    commands.command("erase")(_erase)
    app.add_typer(commands, name="crm")


def _set_up(
    tenant: Annotated[str, typer.Argument(help="of the tenants file")],
    crm: Annotated[str, typer.Argument(help="hubspot, salesforce, webhook or csv")],
) -> None:
    """Make the fields that ProX writes, where the CRM's API can; else name those that are missing."""
    settings = Settings.from_environment()
    account = _account(settings, tenant, crm)
    with CassandraClient(settings.cassandra) as client:
        changed = asyncio.run(_made(account, TenantAddresses(tenant, ProfileStore(client)), settings.secrets_keys))
    told = "missing, deploy the metadata package (docs/crm.md)" if crm == "salesforce" else "made"
    Console().print(f"{told}: {', '.join(changed)}" if changed else "everything is there", soft_wrap=True)


async def _made(account: CrmAccount, addresses: TenantAddresses, keys: SecretStr | None) -> list[str]:
    sink = sink_of(account, addresses, keys=keys, clock=time.time)  # noqa: TID251 - a program's entry
    try:
        return await sink.set_up()
    finally:
        await sink.close()


def _reconcile(
    tenant: Annotated[str, typer.Argument(help="of the tenants file")],
    crm: Annotated[str, typer.Argument(help="hubspot, salesforce, webhook or csv")],
    share: Annotated[float, typer.Option(min=0.01, max=1.0, help="of the account's quota; push_scores uses the account too")] = 0.05,
) -> None:
    """Compare what the CRM shows with the latest scores of the leads in the ranking, and mend what differs."""
    settings = Settings.from_environment()
    account = _account(settings, tenant, crm)
    with CassandraClient(settings.cassandra) as client:
        sink = sink_of(account, TenantAddresses(tenant, ProfileStore(client)), keys=settings.secrets_keys, clock=time.time)  # noqa: TID251 - a program's entry
        found = reconcile(account, sink, _scores(client, tenant, crm), share=share, clock=lambda: time.time_ns() // 1_000_000)
    _tell(Console(), found)


def _backfill(
    tenant: Annotated[str, typer.Argument(help="of the tenants file")],
    crm: Annotated[str, typer.Argument(help="hubspot, salesforce, webhook or csv")],
    share: Annotated[float, typer.Option(min=0.01, max=1.0, help="of the account's quota; push_scores uses the account too")] = 0.5,
) -> None:
    """Show the CRM the latest score of every lead in the ranking: by Bulk API 2.0 where Salesforce has more than 2,000 of them."""
    settings = Settings.from_environment()
    account = _account(settings, tenant, crm)
    config = account.opened(settings.secrets_keys)
    with CassandraClient(settings.cassandra) as client:
        sink = sink_of(account, TenantAddresses(tenant, ProfileStore(client)), keys=settings.secrets_keys, clock=time.time)  # noqa: TID251 - an entry
        done = backfill(
            account,
            sink,
            lambda: _scores(client, tenant, crm),
            client=partial(SalesforceClient, config, clock=time.time) if isinstance(config, SalesforceConfig) else None,  # noqa: TID251 - an entry
            values=values_shown(account),
            share=share,
            clock=lambda: time.time_ns() // 1_000_000,
        )
    console = Console()
    if done.by_bulk:
        console.print(f"{done.by_bulk - sum(done.refused.values()):,} leads written by bulk jobs", highlight=False)
    for reason, leads in done.refused.items():
        console.print(f"{leads:,} refused: {reason}", highlight=False)
    _tell(console, done.by_engine)


def _package(
    folder: Annotated[Path, typer.Argument(help="where to write it")],
    api_version: Annotated[str, typer.Option(help="of Salesforce's API")] = "v62.0",
) -> None:
    """Write Salesforce's metadata package: the fields of Lead, Contact and Opportunity, and permission sets for those who write and read them."""
    for path, content in package(api_version).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    Console().print(f"deploy it: sf project deploy start --metadata-dir {folder} --target-org ORG", soft_wrap=True, highlight=False)


def _tell(console: Console, found: Reconciled) -> None:
    console.print(
        f"{found.leads:,} leads compared: {found.in_step:,} in step, {found.mended:,} mended ({found.drift_ratio:.2%} drift),"
        f" {found.absent:,} not in the CRM, {found.refused:,} refused",
        soft_wrap=True,
        highlight=False,
    )


def _scores(client: CassandraClient, tenant: str, crm: str) -> Iterator[LeadScore]:
    """What the CRM should show of each lead in the ranking: its latest score, with a person's grade where one stands.

    Leads whose record was deleted, merged away or erased are left out. One that moves while pages are walked may come twice.
    """
    leads, scores, overrides, links = LeadStore(client), ScoreStore(client), OverrideStore(client), LinkStore(client)
    after, seen = None, set[str]()
    while True:
        page = leads.ranked(tenant, limit=PAGE, after=after)
        for ranked in page.items:
            lead = ranked.lead
            score = None if lead in seen else scores.latest(tenant, lead)
            seen.add(lead)
            if score is not None and not any(_is_gone(link, crm) for link in links.of_lead(tenant, lead)):
                yield effective(score, overrides.latest(tenant, lead), Millis(time.time_ns() // 1_000_000))
        after = page.next
        if after is None:
            return


def _is_gone(link: CrmLink, crm: str) -> bool:
    return link.state == ERASED or (link.crm == crm and link.state != LINKED)


def _account(settings: Settings, tenant: str, crm: str) -> CrmAccount:
    account = next((one for one in crm_accounts(settings) if (one.tenant, one.crm) == (tenant, crm)), None)
    if account is None:
        raise ConfigError(f"the tenants file has no [{tenant}.crm.{crm}]")
    return account


def _follow(
    tenant: Annotated[str | None, typer.Option(help="only this one's accounts")] = None,
    crm: Annotated[str | None, typer.Option(help="only accounts of this CRM: hubspot or salesforce")] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="look at everything once, and end")] = False,
) -> None:
    """Bring back what CRMs know: outcomes, stages, owners, traits, overrides; until it is stopped."""
    settings = Settings.from_environment()
    accounts = followed(crm_accounts(settings), tenant, crm)
    if not accounts:
        raise ConfigError("no account with a table `back` in the tenants file: docs/crm.md shows one")
    with opened(settings, lambda: Millis(time.time_ns() // 1_000_000)) as parts:
        loops = asyncio.run(follow(parts, accounts, once=once))
    for loop, account in zip(loops, accounts, strict=True):
        c = loop.follower.counts
        told = ", ".join(f"{value:,} {name}" for name, value in c._asdict().items())
        Console().print(f"{account.crm} of {account.tenant}: {told}", soft_wrap=True)


def _erase(
    tenant: Annotated[str, typer.Argument(help="of the tenants file")],
    lead: Annotated[str, typer.Argument(help="whose person asked to be forgotten")],
) -> None:
    """Have a lead's person forgotten by the tenant's CRMs: HubSpot deletes the contact for good, Salesforce's fields of ours are emptied.

    Only records that carry the lead's id are touched. Nothing is pushed for the lead from then on, and its name and addresses leave the profile.
    """
    settings = Settings.from_environment()
    accounts = [account for account in crm_accounts(settings) if account.tenant == tenant]
    if not accounts:
        raise ConfigError(f"the tenants file has no [{tenant}.crm.…]")
    now = Millis(time.time_ns() // 1_000_000)
    producer = Producer(settings.kafka, Registry(settings.kafka).codec())
    with CassandraClient(settings.cassandra) as client:
        addresses = TenantAddresses(tenant, ProfileStore(client))
        for account in accounts:
            # first of all nothing more is pushed: a push that came between would make the contact anew
            link = CrmLink(tenant, lead, account.crm, UNKNOWN_RECORD, ERASED, now)
            producer.publish(Topic.LINKS_CHANGED, link, key=lead_key(tenant, lead), at=now)
        producer.flush()
        for account in accounts:
            Console().print(f"{account.crm}: {asyncio.run(_erased(account, settings.secrets_keys, addresses, lead))}", soft_wrap=True)


async def _erased(account: CrmAccount, keys: SecretStr | None, addresses: TenantAddresses, lead: str) -> str:
    sink = sink_of(account, addresses, keys=keys, clock=time.time)  # noqa: TID251 - a program's entry
    try:
        if not isinstance(sink, HubSpotSink | SalesforceSink):
            return "takes scores only: have its receiver erase the lead"
        return "erased" if await sink.erase(lead) else "no record carries the lead's id: nothing was done"
    finally:
        await sink.close()
