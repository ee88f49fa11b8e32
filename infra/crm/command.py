"""`python -m infra crm`: make an account's fields, and say whether it answers."""

import asyncio
import time
from typing import Annotated

import typer
from rich.console import Console

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.profiles import ProfileStore
from infra.crm.accounts import CrmAccount, TenantAddresses, crm_accounts, sink_of
from infra.settings import Settings
from schemas.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Give the command line `crm set-up`."""
    commands = typer.Typer(help="CRM accounts of the tenants file.", no_args_is_help=True)
    commands.command("set-up")(_set_up)
    commands.callback()(_crm)
    app.add_typer(commands, name="crm")


def _crm() -> None:
    """CRM accounts of the tenants file."""


def _set_up(
    tenant: Annotated[str, typer.Argument(help="of the tenants file")],
    crm: Annotated[str, typer.Argument(help="hubspot, salesforce, webhook or csv")],
) -> None:
    """Make the fields that ProX writes, where the CRM's API can; else name those that are missing."""
    settings = Settings.from_environment()
    account = next((one for one in crm_accounts(settings) if (one.tenant, one.crm) == (tenant, crm)), None)
    if account is None:
        raise ConfigError(f"the tenants file has no [{tenant}.crm.{crm}]")
    with CassandraClient(settings.cassandra) as client:
        changed = asyncio.run(_made(account, TenantAddresses(tenant, ProfileStore(client))))
    told = "missing, deploy the metadata package (docs/crm.md)" if crm == "salesforce" else "made"
    Console().print(f"{told}: {', '.join(changed)}" if changed else "everything is there", soft_wrap=True)


async def _made(account: CrmAccount, addresses: TenantAddresses) -> list[str]:
    sink = sink_of(account, addresses, clock=time.time)  # noqa: TID251 - a program's entry
    try:
        return await sink.set_up()
    finally:
        await sink.close()
