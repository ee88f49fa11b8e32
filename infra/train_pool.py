"""`python -m infra train-pool`: one model of several tenants, for tenants that have no labels yet."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records
from connectors.kafka.registry import Registry
from infra.settings import Settings
from models.features.vector import vector_from_bytes
from models.pool import pooled
from models.progress import Progress
from models.replay import DictStore
from schemas.codec import Codec
from schemas.errors import ConfigError, PoisonRecordError
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy
from schemas.topics import Topic

BATCH = 5_000


def examples_of(config: KafkaConfig, codec: Codec, tenants: frozenset[str]) -> Iterator[MaturedExample]:
    """What the examples topic holds of these tenants, each label once.

    Raises
    ------
    RetriableError
        Kafka or the registry is away.
    """
    progress = Progress(DictStore())
    records = (record.value for record in read_records(config, Topic.EXAMPLES_MATURED))
    while batch := list(islice(records, BATCH)):
        yield from progress.unlearned(list(_readable(batch, codec, tenants)))


def _readable(values: list[bytes], codec: Codec, tenants: frozenset[str]) -> Iterator[MaturedExample]:
    for value in values:
        try:
            example = codec.decode_as(MaturedExample, value)
            vector_from_bytes(example.features)
        except PoisonRecordError:  # learn_models has made it a dead letter
            continue
        if example.tenant in tenants:
            yield example


def register(app: typer.Typer) -> None:
    """Give the command line `train-pool`."""
    app.command("train-pool")(_train_pool)


def _train_pool(
    out: Annotated[Path, typer.Argument(help="where the model is written: for PROX_POOL_FILE", dir_okay=False)],
    tenants: Annotated[list[str], typer.Argument(help="whose labels it learns: those that have agreed to it")],
) -> None:
    """Learn one model from several tenants' labels, for tenants that have none yet."""
    settings = Settings.from_environment()
    policies = settings.policies()
    examples = examples_of(settings.kafka, Registry(settings.kafka).codec(), frozenset(tenants))
    model = pooled(examples, [policies.get(tenant, TenantPolicy()) for tenant in tenants])
    if not model.evidence:
        raise ConfigError(f"no labels of {', '.join(tenants)} on {Topic.EXAMPLES_MATURED}: nothing to pool")
    out.write_bytes(model.to_bytes())
    Console().print(f"{out}: {model.evidence:,} labels of {len(tenants)} tenants", markup=False)
