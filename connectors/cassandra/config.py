"""Where Cassandra is."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class CassandraConfig(BaseModel):
    """Addresses and keyspace of Cassandra."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact_points: tuple[str, ...] = ("127.0.0.1",)
    port: int = 9042
    keyspace: str = Field(default="prox", pattern=r"^[a-z][a-z0-9_]{0,47}$")
    replication: int = Field(default=1, ge=1)
    local_datacenter: str = "datacenter1"
    username: str | None = None
    password: SecretStr | None = None
    request_bytes: int = Field(default=4_000, ge=1_000, description="of a request for several partitions; Cassandra warns from 5 KiB on by default")
    write_concurrency: int = Field(default=64, ge=1, description="statements of a batch under way at once")
