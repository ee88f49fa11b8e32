"""Feeds ProX: a real data set replayed, or simulated journeys."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra.pace import Pace, Pacer, parse_speed
from infra.settings import Settings
from models.dataset import dataset
from models.dataset.files import open_file
from models.dataset.manifest import Manifest
from models.journeys import simulator
from schemas.event import Event
from schemas.ids import Millis, lead_key
from schemas.outcome import Outcome
from schemas.policy import DAY_MS, TenantPolicy
from schemas.topics import Topic

STEP_RECORDS = 2_000
"""After so many records everything is acknowledged before the next is published: so the two topics, whose records are sent apart, are never
further apart in event time than that. A job's time is the smaller of both."""

SHOWN_EVERY = 500

OnProgress = Callable[[int, int | None], None]
"""Is told how many records were fed, and of how many (None: nobody knows yet)."""


class Fed(NamedTuple):
    """What was published."""

    events: int
    outcomes: int


def replay(settings: Settings, manifest_path: Path, speed: float | None = None, *, on_progress: OnProgress | None = None) -> Fed:
    """Publish a data set in order of event time.

    Parameters
    ----------
    settings
        Where Kafka and the registry are.
    manifest_path
        Of the data set.
    speed
        Event time by wall time; None is as fast as can be.
    on_progress
        Told now and then.

    Raises
    ------
    ConfigError
        The manifest or its table is wrong, or a schema is not registered.
    RetriableError
        Kafka or the registry is away.
    """
    data = dataset.read(str(manifest_path), open_file)
    return feed(settings, data.records(), Pacer(Pace(speed=speed)), total=data.record_count(), on_progress=on_progress)


def simulate(
    settings: Settings,
    *,
    leads: int = 2_000,
    days: float = 90.0,
    seed: int = 1,
    tenant: str = "demo",
    start: Millis | None = None,
    rate: float | None = None,
    speed: float | None = None,
    clock: Callable[[], Millis] | None = None,
    on_progress: OnProgress | None = None,
) -> Fed:
    """Publish simulated journeys in order of event time.

    Parameters
    ----------
    settings
        Where Kafka and the registry are.
    leads, days, seed, tenant
        Of `models.journeys.simulator`.
    start
        The first instant; None: so that the journeys end now.
    rate
        Records a second; None is not limited.
    speed
        Event time by wall time, instead of `rate`.
    clock
        Now, in milliseconds: `received_at` is when a record is published, as a collector would say it.
    on_progress
        Told now and then.

    Raises
    ------
    ConfigError, RetriableError
        As `replay`.
    """
    now = clock or wall_clock
    first = Millis(round(now() - days * DAY_MS)) if start is None else start
    steps = simulator.simulate(tenant=tenant, seed=seed, leads=leads, start=first, days=days)
    records = (step.record._replace(received_at=now()) for step in steps)
    return feed(settings, records, Pacer(Pace(speed=speed, per_second=rate)), on_progress=on_progress)


def feed(
    settings: Settings,
    records: Iterable[Event | Outcome],
    pacer: Pacer,
    *,
    total: int | None = None,
    on_progress: OnProgress | None = None,
) -> Fed:
    """Publish records in the order given, each when it is due, and wait until Kafka has them all."""
    producer = Producer(settings.kafka, Registry(settings.kafka).codec())
    show = on_progress or (lambda _done, _total: None)
    events = outcomes = 0
    for index, record in enumerate(records):
        due_in_s = pacer.delay_s(index, record.occurred_at)
        if index % STEP_RECORDS == STEP_RECORDS - 1:
            producer.flush()
        if due_in_s > 0:
            pacer.wait(due_in_s)
        is_event = isinstance(record, Event)
        topic = Topic.EVENTS_RECEIVED if is_event else Topic.OUTCOMES_RECEIVED
        producer.publish(topic, record, key=lead_key(record.tenant, record.lead), at=record.occurred_at)
        events += is_event
        outcomes += not is_event
        if index % SHOWN_EVERY == 0 or due_in_s > 0:
            show(index + 1, total)
    producer.flush()
    show(events + outcomes, events + outcomes)
    return Fed(events, outcomes)


def tenant_of(manifest_path: Path) -> tuple[str, TenantPolicy]:
    """The tenant that a data set is replayed for, and its policy; the table is not read."""
    manifest = manifest_of(manifest_path)
    return manifest.name, manifest.policy


def manifest_of(manifest_path: Path) -> Manifest:
    """A data set's manifest."""
    return dataset.read_manifest(str(manifest_path), open_file)


def wall_clock() -> Millis:
    """Now."""
    return Millis(int(datetime.now(UTC).timestamp() * 1000))  # noqa: TID251 - an entry point: it says when records are received


def register(app: typer.Typer) -> None:
    """Give the command line `replay` and `simulate`."""
    app.command("replay")(_replay)
    app.command("simulate")(_simulate)


def _replay(
    manifest: Annotated[Path, typer.Argument(help="manifest.toml of a data set")],
    speed: Annotated[str, typer.Option(help="event time by wall time, as in 1000x, or max")] = "max",
) -> None:
    """Publish a real data set, in order of event time."""
    factor = parse_speed(speed)
    with _bar(f"replay {manifest_of(manifest).name}") as show:
        fed = replay(Settings.from_environment(), manifest, factor, on_progress=show)
    _say(fed)


def _simulate(
    leads: Annotated[int, typer.Option(min=1, help="how many leads appear")] = 2_000,
    days: Annotated[float, typer.Option(min=0.01, help="days of event time; they end now")] = 90.0,
    seed: Annotated[int, typer.Option(help="the same seed gives the same journeys")] = 1,
    tenant: Annotated[str, typer.Option(help="whose leads they are")] = "demo",
    rate: Annotated[float | None, typer.Option(min=0.001, help="records a second; unlimited when left out")] = None,
    speed: Annotated[str, typer.Option(help="event time by wall time, as in 1000x, or max")] = "max",
) -> None:
    """Publish simulated journeys of leads, in order of event time."""
    factor = parse_speed(speed)
    if factor is not None and rate is not None:
        raise typer.BadParameter("give --rate or --speed, not both")
    with _bar("simulate") as show:
        fed = simulate(Settings.from_environment(), leads=leads, days=days, seed=seed, tenant=tenant, rate=rate, speed=factor, on_progress=show)
    _say(fed)


def _say(fed: Fed) -> None:
    Console().print(f"published {fed.events:,} events and {fed.outcomes:,} outcomes")


@contextmanager
def _bar(title: str) -> Iterator[OnProgress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=None, rate="")

        def show(done: int, total: int | None) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")

        yield show
