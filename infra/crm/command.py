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
from connectors.cassandra.profiles import ProfileStore
from connectors.cassandra.scores import ScoreStore
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.sink import HubSpotSink
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.package import package
from infra.crm.accounts import CrmAccount, TenantAddresses, crm_accounts, sink_of, values_shown
from infra.crm.backfill import backfill
from infra.crm.reconcile import Reconciled, reconcile
from infra.settings import Settings
from schemas.errors import ConfigError
from schemas.score import LeadScore

PAGE = 500


def register(app: typer.Typer) -> None:
    """Give the command line `crm …`."""
    commands = typer.Typer(help="CRM accounts of the tenants file.", no_args_is_help=True)
    commands.command("set-up")(_set_up)
    commands.command("package")(_package)
    commands.command("backfill")(_backfill)
    commands.command("reconcile")(_reconcile)
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
        found = reconcile(account, sink, _scores(client, tenant), share=share, clock=lambda: time.time_ns() // 1_000_000)
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
            lambda: _scores(client, tenant),
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


def _erase(
    tenant: Annotated[str, typer.Argument(help="of the tenants file")],
    lead: Annotated[str, typer.Argument(help="our id of the person who is to be forgotten")],
) -> None:
    """Delete a lead's contact in HubSpot for good, by its record's own id; one that HubSpot does not have is left alone."""
    settings = Settings.from_environment()
    config = _account(settings, tenant, "hubspot").opened(settings.secrets_keys)
    assert isinstance(config, HubSpotConfig)
    with CassandraClient(settings.cassandra) as client:
        addresses = TenantAddresses(tenant, ProfileStore(client))
        was_there = asyncio.run(_erased(HubSpotSink(config, addresses), lead, addresses.emails([lead]).get(lead)))
    Console().print("deleted" if was_there else "HubSpot has no such contact")


async def _erased(sink: HubSpotSink, lead: str, email: str | None) -> bool:
    try:
        return await sink.erase(lead, email)
    finally:
        await sink.close()


def _tell(console: Console, found: Reconciled) -> None:
    console.print(
        f"{found.leads:,} leads compared: {found.in_step:,} in step, {found.mended:,} mended ({found.drift_ratio:.2%} drift),"
        f" {found.absent:,} not in the CRM, {found.refused:,} refused",
        soft_wrap=True,
        highlight=False,
    )


def _scores(client: CassandraClient, tenant: str) -> Iterator[LeadScore]:
    """The latest score of each lead in the ranking; one that moves while pages are walked may come twice."""
    leads, scores, after, seen = LeadStore(client), ScoreStore(client), None, set[str]()
    while True:
        page = leads.ranked(tenant, limit=PAGE, after=after)
        for ranked in page.items:
            score = None if ranked.lead in seen else scores.latest(tenant, ranked.lead)
            seen.add(ranked.lead)
            if score is not None:
                yield score
        after = page.next
        if after is None:
            return


def _account(settings: Settings, tenant: str, crm: str) -> CrmAccount:
    account = next((one for one in crm_accounts(settings) if (one.tenant, one.crm) == (tenant, crm)), None)
    if account is None:
        raise ConfigError(f"the tenants file has no [{tenant}.crm.{crm}]")
    return account
