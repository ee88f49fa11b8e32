"""The nightly base of each tenant, from the examples topic onto the models topic."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records
from connectors.kafka.producer import Producer
from infra.feed import wall_clock
from models.nightly.gathering import Gathering
from models.nightly.training import Holdout, Trained
from models.replay import DictStore
from schemas.codec import Codec
from schemas.errors import ParityError, PoisonRecordError, SkippableError
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.model_snapshot import NIGHTLY, ModelSnapshot
from schemas.policy import TenantPolicy
from schemas.topics import Topic

BATCH = 5_000


class Night(NamedTuple):
    """What became of a tenant's base: published, or why not."""

    tenant: str
    trained: Trained | None
    holdout: Holdout | None
    refused: SkippableError | ParityError | None


def train_bases(config: KafkaConfig, codec: Codec, policies: Mapping[str, TenantPolicy], *, tenants: Collection[str] = ()) -> Iterator[Night]:
    """Train a base for each tenant on all matured examples that the topic holds, and publish those that may be.

    A base is the same however often it is trained on the same examples, and so is its version: doing it twice changes nothing.

    Parameters
    ----------
    config, codec
        Where Kafka is, and how its records are read.
    policies
        Tenant → policy; others have the default one.
    tenants
        Only these; empty: all that have examples.

    Raises
    ------
    RetriableError
        Kafka or the registry is away.
    """
    gathering = Gathering(policies, DictStore)
    records = (record.value for record in read_records(config, Topic.EXAMPLES_MATURED))
    while batch := list(islice(records, BATCH)):
        gathering.add(example for example in _readable(batch, codec) if not tenants or example.tenant in tenants)
    producer = Producer(config, codec)
    for tenant in sorted(tenants) or gathering.tenants():
        try:
            trained, holdout = gathering.train(tenant)
        except (SkippableError, ParityError) as exc:
            yield Night(tenant, None, None, exc)
            continue
        now = wall_clock()
        published = snapshot(tenant, trained, now=now)
        producer.publish(Topic.MODELS_PUBLISHED, published, key=published.key, at=now)
        producer.flush()
        yield Night(tenant, trained, holdout, None)


def snapshot(tenant: str, trained: Trained, *, now: Millis) -> ModelSnapshot:
    """The base as it is published."""
    base = trained.base
    return ModelSnapshot(
        tenant=tenant,
        version=base.trained_at,
        as_of=Millis(base.trained_at),
        learner=NIGHTLY,
        examples=base.examples,
        labels=base.examples,
        payload=base.to_bytes(),
        published_at=now,
    )


def _readable(values: list[bytes], codec: Codec) -> Iterator[MaturedExample]:
    for value in values:
        try:
            yield codec.decode_as(MaturedExample, value)
        except PoisonRecordError:  # learn_models has made it a dead letter
            continue
