"""`python -m api.collector`: serve, make write keys, import files."""

import gc
import secrets
import time
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from api.collector import importing
from api.collector.app import Collector, Parts
from api.collector.hubspot import Portal
from api.collector.keys import KeyStore, add_key
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.source import STAGE_FIELDS
from connectors.kafka.acknowledging import AcknowledgingProducer
from connectors.kafka.admin import topic_name
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra import logging
from infra.crm.accounts import crm_accounts
from infra.keying import pseudonym_key
from infra.release import with_release
from infra.settings import Settings
from models.collecting.arrival import Arrival
from schemas.errors import ConfigError, ProxError
from schemas.ids import Millis
from schemas.topics import Topic

EX_CONFIG = 78
"""EX_CONFIG of sysexits.h."""
BACKLOG = 2_048
COLLECT_AFTER = (100_000, 20, 100)
"""New objects until the interpreter looks for cycles; then so many looks until it looks at older ones too."""


class Commands(TyperGroup):
    """An error of ours, told as one line."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ProxError as exc:
            Console(stderr=True).print(f"[red]error:[/red] {escape(str(exc))}", soft_wrap=True, highlight=False)
            ctx.exit(EX_CONFIG if isinstance(exc, ConfigError) else 1)


app = typer.Typer(cls=Commands, help="Takes events over HTTP.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


def wall_clock() -> Millis:
    """Now."""
    return Millis(time.time_ns() // 1_000_000)


def opened(settings: Settings) -> Parts:
    """The parts that these settings describe; Kafka is first spoken to when the first event is sent.

    Raises
    ------
    ConfigError
        A variable is missing or wrong: names it.
    RetriableError
        The registry is away and was never met.
    """
    secret = pseudonym_key(settings)
    collector = settings.collector
    if collector.keys_file is None:
        raise ConfigError("PROX_COLLECTOR__KEYS_FILE is not set: python -m api.collector new-key makes the file")
    producer = AcknowledgingProducer(
        settings.kafka,
        queue_records=collector.queue_records,
        queue_bytes=collector.queue_bytes,
        delivery_timeout_s=collector.delivery_timeout.total_seconds(),
    )
    return Parts(
        keys=KeyStore(collector.keys_file, time.monotonic),
        producer=producer,
        codec=Registry(settings.kafka, cache_dir=settings.run_dir / "schemas").codec(),
        topics={
            topic: topic_name(settings.kafka, topic)
            for topic in (Topic.REQUESTS_RECEIVED, Topic.EVENTS_RECEIVED, Topic.CHANGES_NOTICED, Topic.RECORDS_DEAD)
        },
        clock=wall_clock,
        pseudonym_key=secret,
        release=settings.release,
        country_header=collector.country_header.lower(),
        body_bytes=collector.body_bytes,
        reads_up_to=collector.reads_up_to,
        portals=portals(settings),
    )


def portals(settings: Settings) -> dict[int, Portal]:
    """The accounts of HubSpot whose webhooks are taken, by portal id.

    Raises
    ------
    ConfigError
        An account of the tenants file is wrong, or two have one portal.
    """
    found: dict[int, Portal] = {}
    for account in crm_accounts(settings):
        back = account.back
        if back is None or back.portal_id is None:
            continue
        config = account.opened(settings.secrets_keys)
        assert isinstance(config, HubSpotConfig)
        if back.portal_id in found:
            raise ConfigError(f"tenants file: {account.tenant} and {found[back.portal_id].tenant} have the same portal_id {back.portal_id}")
        assert config.client_secret is not None
        fields = {*STAGE_FIELDS.values(), back.override_field} - {""}
        found[back.portal_id] = Portal(account.tenant, config.client_secret.get_secret_value().encode(), back.webhook_url, frozenset(fields))
    return found


@app.command()
def serve() -> None:
    """Serve until a signal ends it: what was taken is delivered first."""
    logging.configure()
    settings = with_release(Settings.from_environment())
    parts = opened(settings)  # here, so that a wrong setting is one line and not a trace
    # a batch is some hundred dicts that live for a moment and hold no cycles: looking for those took a tenth of the time
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    uvicorn.run(
        Collector(lambda: parts),
        host=settings.collector.host,
        port=settings.collector.port,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
    )


@app.command("new-key")
def new_key(
    tenant: Annotated[str, typer.Option(help="whose events they will be")],
    source: Annotated[str, typer.Option(help="what sends them, as in website")],
    host: Annotated[list[str] | None, typer.Option(help="Snowplow: host names whose requests are this key's")] = None,
    app_id: Annotated[list[str] | None, typer.Option(help="Snowplow: application ids that are this key's")] = None,
    file: Annotated[Path | None, typer.Option(help="the file of keys; the settings name it when left out")] = None,
) -> None:
    """Make a write key; it is shown now and never again."""
    path = file or Settings.from_environment().collector.keys_file
    if path is None:
        raise ConfigError("give --file, or set PROX_COLLECTOR__KEYS_FILE")
    key = add_key(path, tenant, source, hosts=tuple(host or ()), app_ids=tuple(app_id or ()))
    Console().print(key, highlight=False, soft_wrap=True, markup=False)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with a head, JSON lines or Parquet")],
    mapping: Annotated[Path, typer.Option(help="TOML: [fields], field of an event → JSONPath in a row, or a text after =")],
    tenant: Annotated[str, typer.Option(help="whose events they are")],
    source: Annotated[str, typer.Option(help="what they come from")] = "file",
) -> None:
    """Publish a file's rows as events; rows that are none become dead letters."""
    settings = with_release(Settings.from_environment())
    fields = importing.read_mapping(mapping)
    arrival = Arrival(tenant, source, wall_clock(), pseudonym_key(settings), secrets.token_hex(16), max_event_bytes=settings.kafka.max_event_bytes)
    producer = Producer(settings.kafka, Registry(settings.kafka).codec())
    with Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(f"import {file.name}", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        found = importing.publish(importing.rows(file), fields, arrival, producer, release=settings.release, now=wall_clock, show=show)
    Console().print(
        f"published {found.events:,} events; {found.dead:,} rows are dead letters: python -m infra dead-letters list --stage {importing.STAGE}"
    )


if __name__ == "__main__":
    app()
