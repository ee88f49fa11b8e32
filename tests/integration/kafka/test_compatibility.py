import io

import fastavro
import pytest

from connectors.kafka.config import KafkaConfig
from connectors.kafka.registry import Registry
from schemas.codec import FRAME, MAGIC, Schema, schema_of
from schemas.errors import ConfigError, PoisonRecordError
from schemas.outcome import Outcome
from schemas.topics import Topic
from tests.builders import won

TOPIC = Topic.OUTCOMES_RECEIVED


def with_field(**field: object) -> Schema:
    schema = schema_of(Outcome)
    schema["fields"].append({"name": "currency", "type": "string"} | field)
    return schema


def test_an_incompatible_change_is_refused(deployed: KafkaConfig):
    """A new field without a default could not read what was written before."""
    with pytest.raises(ConfigError, match=f"{deployed.topic_prefix}{TOPIC.value}-value"):
        Registry(deployed).register(TOPIC, with_field())


def test_a_changed_type_is_refused(deployed: KafkaConfig):
    """A text does not become a number."""
    schema = schema_of(Outcome)
    schema["fields"][0]["type"] = "long"

    with pytest.raises(ConfigError, match="not BACKWARD compatible"):
        Registry(deployed).register(TOPIC, schema)


def test_a_compatible_change_is_read_both_ways(deployed: KafkaConfig):
    """A new field with a default is registered; this release reads what the next one writes, and what it wrote itself."""
    registry = Registry(deployed)
    newer = with_field(default="EUR")
    out = io.BytesIO()
    out.write(FRAME.pack(MAGIC, registry.register(TOPIC, newer)))
    fastavro.schemaless_writer(out, fastavro.parse_schema(newer), won()._asdict() | {"currency": "SEK"})
    codec = Registry(deployed).codec()

    assert (won(), won()) == (codec.decode(out.getvalue()), codec.decode(codec.encode(won())))


def test_registering_again_keeps_the_ids(deployed: KafkaConfig):
    """A second deployment of the same release finds its own schemas."""
    ids = Registry(deployed).ids()

    assert ids == Registry(deployed).register_all()


def test_an_id_that_does_not_exist_is_poison(deployed: KafkaConfig):
    """The real registry's 404 is the record's fault."""
    with pytest.raises(PoisonRecordError):
        Registry(deployed).schema(2_000_000_000)
