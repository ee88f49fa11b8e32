"""Replays a range of time from the log: into another deployment, byte for byte."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra.settings import Settings
from schemas.codec import Codec
from schemas.errors import ConfigError
from schemas.ids import Millis
from schemas.topics import Topic

RECEIVED = (Topic.EVENTS_RECEIVED, Topic.OUTCOMES_RECEIVED)
FLUSHED_EVERY = 5_000

OnProgress = Callable[[int, int], None]
"""Is told how many records were read, and how many went on."""


class Replayed(NamedTuple):
    """Records that the log holds, and those of the range."""

    read: int
    sent: int


def replay_range(
    config: KafkaConfig, codec: Codec, *, since: Millis, until: Millis, into: str, tenant: str | None = None, show: OnProgress | None = None
) -> Replayed:
    """Send what was received and occurred in [since, until) to the topics of another deployment on the same Kafka.

    Never into the deployment it comes from: events that are older than a day would count there twice.

    Parameters
    ----------
    config
        Where Kafka is, and the topic prefix of the log.
    codec
        Of the deployment that it comes from.
    since, until
        By the records' own time.
    into
        The topic prefix of the deployment that is to have them; its topics must exist.
    tenant
        Only of this one.
    show
        Told now and then.

    Raises
    ------
    ConfigError
        `into` is the deployment itself.
    RetriableError
        Kafka is away, or a topic does not exist.
    """
    if into == config.topic_prefix:
        raise ConfigError("--into names the deployment that the records come from: older ones would count twice")
    target = config.model_copy(update={"topic_prefix": into})
    producer = Producer(target, codec)
    prefix = f"{tenant}|".encode() if tenant else b""
    read = sent = 0
    for topic in RECEIVED:
        for record in read_records(config, topic):
            read += 1
            if since <= record.at < until and (record.key or b"").startswith(prefix):
                producer.forward(topic_name(target, topic), key=record.key, value=record.value, at=record.at)
                sent += 1
                if sent % FLUSHED_EVERY == 0:
                    producer.flush()
            if show and read % FLUSHED_EVERY == 0:
                show(read, sent)
    producer.flush()
    return Replayed(read, sent)


def register(app: typer.Typer) -> None:
    """Give the command line `replay-log`."""
    app.command("replay-log")(_replay_log)


def _replay_log(
    since: Annotated[datetime, typer.Option("--from", help="the first instant, in UTC")],
    until: Annotated[datetime, typer.Option("--to", help="the instant after the last, in UTC")],
    into: Annotated[str, typer.Option(help="topic prefix of the deployment that is to have them")],
    tenant: Annotated[str | None, typer.Option(help="only this tenant's")] = None,
) -> None:
    """Send a range of time of what was received to another deployment."""
    config = Settings.from_environment().kafka
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("replay", total=None)
        done = replay_range(
            config,
            Registry(config).codec(),
            since=_millis(since),
            until=_millis(until),
            into=into,
            tenant=tenant,
            show=lambda read, _sent: progress.update(task, completed=read),
        )
    Console().print(f"{done.sent:,} of {done.read:,} records were sent to {into or 'the topics without a prefix'}")


def _millis(at: datetime) -> Millis:
    return Millis(round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1_000))
