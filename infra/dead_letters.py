"""Dead letters: what they are, and back to where they came from."""

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import Record, read_records
from connectors.kafka.marks import Marks, Place
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra.settings import Settings
from schemas.codec import Codec
from schemas.dead_letter import DeadLetter
from schemas.errors import ConfigError
from schemas.topics import Topic

GROUP = "prox.dead_letters.replayed"
SHOWN_BYTES = 200
OUTSIDE = frozenset({"http", "file"})
"""What the collector writes for a topic: its records are a sender's words, which no topic takes. They stay where they are."""


class Found(NamedTuple):
    """A dead letter and its record on the topic of dead letters."""

    record: Record
    letter: DeadLetter


class Replayed(NamedTuple):
    """How many went back to their topics, how many had gone before, and how many came from no topic: by HTTP, or from a file."""

    sent: int
    skipped: int
    outside: int = 0


def find(config: KafkaConfig, codec: Codec, *, stage: str | None = None, reason: str | None = None) -> Iterator[Found]:
    """Dead letters that the topic holds now, oldest first within a partition.

    Parameters
    ----------
    config
        Where Kafka is.
    codec
        Reads dead letters.
    stage, reason
        Only those of this stage, or reason.

    Raises
    ------
    RetriableError
        Kafka or the registry is away.
    """
    for record in read_records(config, Topic.RECORDS_DEAD):
        letter = codec.decode_as(DeadLetter, record.value)
        if stage in (None, letter.stage) and reason in (None, letter.reason):
            yield Found(record, letter)


def replay(config: KafkaConfig, codec: Codec, *, stage: str | None = None, again: bool = False) -> Replayed:
    """Send dead letters back, byte for byte with their keys, to the topics they were read from.

    Which ones went is kept per stage, as committed offsets of a consumer group, and committed once Kafka has the records: a replay that is
    interrupted may send some twice, never lose one. A second replay sends only what has died since.

    Parameters
    ----------
    config
        Where Kafka is.
    codec
        Reads dead letters.
    stage
        Only those of this stage; None: of all.
    again
        Also those that were sent before.

    Raises
    ------
    ConfigError
        A dead letter is from no topic of ProX. Nothing is sent.
    RetriableError
        Kafka or the registry is away.
    """
    targets = _targets(config)
    unknown = sorted({letter.topic for _, letter in find(config, codec, stage=stage)} - targets.keys() - OUTSIDE)
    if unknown:
        raise ConfigError(f"dead letters from {', '.join(unknown)}: no topics of this deployment")
    producer = Producer(config, codec)
    sent: dict[str, list[Place]] = {}
    skipped = outside = 0
    with ExitStack() as opened:
        marks: dict[str, Marks] = {}
        # read once more rather than kept: a letter may hold a record of many megabytes
        for record, letter in find(config, codec, stage=stage):
            if letter.topic in OUTSIDE:
                outside += 1
                continue
            if letter.stage not in marks:
                marks[letter.stage] = opened.enter_context(Marks(config, topic_name(config, Topic.RECORDS_DEAD), group=f"{GROUP}.{letter.stage}"))
            if not again and record.offset < marks[letter.stage].next_offset(record.partition):
                skipped += 1
                continue
            producer.forward(targets[letter.topic], key=letter.key, value=letter.value, at=record.at)
            sent.setdefault(letter.stage, []).append(Place(record.partition, record.offset))
        producer.flush()
        for name, places in sent.items():
            marks[name].pass_over(places)
    return Replayed(sum(map(len, sent.values())), skipped, outside)


def _targets(config: KafkaConfig) -> dict[str, str]:
    """A letter names its topic with or without the deployment's prefix."""
    targets = {topic.value: topic_name(config, topic) for topic in Topic}
    return targets | {name: name for name in targets.values()}


def table(found: Iterable[Found], *, show_value: bool = False) -> Table:
    """Dead letters for people: ids and sizes, and the value itself only when asked for, as it may name a person."""
    columns = ("at", "stage", "reason", "message", "from", "key", "bytes", "release", *(("value",) if show_value else ()))
    shown = Table(*columns, title="dead letters")
    for record, letter in found:
        cells = (
            f"{record.partition}/{record.offset}",
            letter.stage,
            letter.reason,
            letter.message,
            letter.topic,
            repr(letter.key)[2:-1] if letter.key else "-",
            f"{len(letter.value):,}",
            letter.processor_version,
        )
        value = (repr(letter.value[:SHOWN_BYTES]) + ("…" if len(letter.value) > SHOWN_BYTES else ""),) if show_value else ()
        shown.add_row(*(escape(cell) for cell in (*cells, *value)))
    return shown


def register(app: typer.Typer) -> None:
    """Give the command line `dead-letters list` and `dead-letters replay`."""
    commands = typer.Typer(help="Records that could not be read: list them, send them back.", no_args_is_help=True)
    commands.command("list")(_list)
    commands.command("replay")(_replay)
    app.add_typer(commands, name="dead-letters")


def _list(
    stage: Annotated[str | None, typer.Option(help="only of this operator")] = None,
    reason: Annotated[str | None, typer.Option(help="only of this reason, as in not_avro")] = None,
    limit: Annotated[int, typer.Option(min=1, help="the last so many")] = 50,
    show_value: Annotated[bool, typer.Option("--show-value", help="also the bytes, which may name a person")] = False,
) -> None:
    """Show dead letters."""
    config = Settings.from_environment().kafka
    found = find(config, _codec(config), stage=stage, reason=reason)
    last = heapq.nlargest(limit, found, key=lambda item: item.letter.failed_at)
    Console().print(table(reversed(last), show_value=show_value))


def _replay(
    stage: Annotated[str | None, typer.Option(help="only of this operator")] = None,
    everything: Annotated[bool, typer.Option("--all", help="of every operator")] = False,
    again: Annotated[bool, typer.Option("--again", help="also those sent before")] = False,
) -> None:
    """Send dead letters back to the topics they were read from."""
    if (stage is None) != everything:
        raise typer.BadParameter("give --stage or --all")
    config = Settings.from_environment().kafka
    done = replay(config, _codec(config), stage=stage, again=again)
    Console().print(f"{done.sent:,} sent back, {done.skipped:,} were sent before (--again sends them once more)")
    if done.outside:
        Console().print(f"{done.outside:,} came to the collector, from no topic: mend them and send them to it again (list --show-value shows them)")


def _codec(config: KafkaConfig) -> Codec:
    return Registry(config).codec()
