"""Where Kafka and its schema registry are."""

from pydantic import BaseModel, ConfigDict, Field


class KafkaConfig(BaseModel):
    """Addresses and limits of Kafka."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str = "127.0.0.1:9092"
    registry_url: str = "http://127.0.0.1:8181/apis/ccompat/v7"
    topic_prefix: str = Field(default="", description="put before every topic's name, so that tests and benchmarks share a broker")
    partitions: int = Field(default=4, ge=1, description="of every topic that `up` makes")
    replication: int = Field(default=1, ge=1)
    max_record_bytes: int = Field(default=16_777_216, ge=1_048_576, description="the largest record the received topics take")
    max_event_bytes: int = Field(default=1_048_576, ge=1_024, description="the largest event that is read; larger ones are dead-lettered whole")
