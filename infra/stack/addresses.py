"""Which ports a run directory's servers have: chosen once, kept for its life, written where others read them."""

import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.cassandra.config import CassandraConfig
from connectors.kafka.config import KafkaConfig
from infra.stack import jars, ports
from schemas.errors import ConfigError

FILE = "stack.json"
REQUEST_BYTES = 16_000
"""To Cassandra, whose threshold for warnings `infra.stack.cassandra` raises: a request costs both sides more than what it carries."""


class Addresses(BaseModel):
    """Ports on loopback."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kafka: int
    kafka_controller: int
    registry: int
    registry_management: int
    cassandra: int
    cassandra_storage: int
    flink_rest: int
    flink_rpc: int
    flink_blob: int

    @classmethod
    def of(cls, run_dir: Path) -> Self:
        """The addresses of a run directory: those it has, else free ones, which it has from now on.

        Raises
        ------
        ConfigError
            Its file is damaged.
        """
        path = run_dir / FILE
        if path.exists():
            return cls.read(path)
        chosen: list[int] = []
        for _ in cls.model_fields:
            chosen.append(ports.free_port(taken=chosen))
        addresses = cls(**dict(zip(cls.model_fields, chosen, strict=True)))
        addresses.write(run_dir)
        return addresses

    @classmethod
    def read(cls, path: Path) -> Self:
        """The addresses in a file that `write` made.

        Raises
        ------
        ConfigError
            There is no such file, or it is damaged.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError) as exc:
            raise ConfigError(f"{path} cannot be read: stop the stack and remove {path.parent}") from exc

    def write(self, run_dir: Path) -> None:
        """Write `stack.json` for programs and `stack.env` for shells."""
        run_dir.mkdir(parents=True, exist_ok=True)
        _write_whole(run_dir / FILE, self.model_dump_json(indent=2) + "\n")
        _write_whole(run_dir / "stack.env", "".join(f"{name}='{value}'\n" for name, value in self.environment(run_dir).items()))

    def kafka_config(self) -> KafkaConfig:
        """Where Kafka and the registry are."""
        return KafkaConfig(bootstrap_servers=f"{ports.LOOPBACK}:{self.kafka}", registry_url=f"{self.registry_base}/apis/ccompat/v7")

    def cassandra_config(self) -> CassandraConfig:
        """Where Cassandra is."""
        return CassandraConfig(contact_points=(ports.LOOPBACK,), port=self.cassandra, request_bytes=REQUEST_BYTES)

    @property
    def registry_base(self) -> str:
        """The registry's own address."""
        return f"http://{ports.LOOPBACK}:{self.registry}"

    @property
    def flink_url(self) -> str:
        """Flink's REST address, where its dashboard is too."""
        return f"http://{ports.LOOPBACK}:{self.flink_rest}"

    def environment(self, run_dir: Path) -> dict[str, str]:
        """The variables that make `Settings` speak to these servers."""
        connector = sorted(jars.folder(jars.Part.FLINK).glob("*.jar"))
        return {
            "PROX_KAFKA__BOOTSTRAP_SERVERS": self.kafka_config().bootstrap_servers,
            "PROX_KAFKA__REGISTRY_URL": self.kafka_config().registry_url,
            "PROX_CASSANDRA__CONTACT_POINTS": json.dumps(self.cassandra_config().contact_points),
            "PROX_CASSANDRA__PORT": str(self.cassandra),
            "PROX_CASSANDRA__REQUEST_BYTES": str(REQUEST_BYTES),
            "PROX_FLINK__JARS": ";".join(jar.as_uri() for jar in connector),
            "PROX_RUN_DIR": str(run_dir),
        }


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
