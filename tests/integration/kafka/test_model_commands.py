"""What people and schedulers publish for the models: the nightly base, and the choice of a champion."""

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records, read_values
from connectors.kafka.producer import Producer
from infra.champions import choose
from infra.nights import train_bases
from infra.settings import Settings
from models.nightly.base import NightlyBase
from schemas.champion_choice import THE_ONE_BEFORE
from schemas.codec import Codec
from schemas.errors import SkippableError
from schemas.model_snapshot import LEARNER, NIGHTLY, ModelSnapshot
from schemas.policy import TenantPolicy
from schemas.topics import Topic
from tests.builders import TENANT
from tests.unit.nightly.test_gathering import a_point

POLICIES = {TENANT: TenantPolicy(window_ms=None)}


def test_a_choice_is_a_record_of_its_tenant(deployed: KafkaConfig, codec: Codec):
    """What `promote` and `rollback` publish is read by learn_models: under the tenant's key, each with an identity of its own."""
    settings = Settings(kafka=deployed)
    sent = [choose(settings, TENANT, LEARNER, by="ops"), choose(settings, TENANT, THE_ONE_BEFORE)]

    assert sent == read_values(deployed, codec, Topic.CHAMPIONS_CHOSEN)
    assert [b"acme"] * 2 == [record.key for record in read_records(deployed, Topic.CHAMPIONS_CHOSEN)]
    assert 2 == len({choice.choice_id for choice in sent})


def test_a_night_publishes_a_base_for_each_tenant_that_has_enough(deployed: KafkaConfig, codec: Codec, producer: Producer):
    """Under a key of its own, the same whenever it is trained again; one that has too little is told so, and what nobody can read is passed over."""
    examples = [*(a_point(number) for number in range(300)), a_point(1, tenant="globex")]
    for example in examples:
        producer.publish(Topic.EXAMPLES_MATURED, example, key=example.tenant, at=example.matured_at)
    producer.forward(f"{deployed.topic_prefix}{Topic.EXAMPLES_MATURED.value}", key=b"acme", value=b"?", at=examples[0].matured_at)
    producer.flush()
    first, second = (list(train_bases(deployed, codec, POLICIES)) for _ in range(2))
    one, again = read_values(deployed, codec, Topic.MODELS_PUBLISHED)
    assert isinstance(one, ModelSnapshot)
    assert isinstance(again, ModelSnapshot)

    assert [TENANT, "globex"] == [night.tenant for night in first] == [night.tenant for night in second]
    assert [False, True] == [isinstance(night.refused, SkippableError) for night in first]
    assert (NIGHTLY, examples[299].matured_at, 300) == (one.learner, one.version, one.examples)
    assert one == again._replace(published_at=one.published_at)
    assert {f"acme|nightly|{one.version}".encode()} == {record.key for record in read_records(deployed, Topic.MODELS_PUBLISHED)}
    assert one.version == NightlyBase.from_bytes(one.payload).trained_at
