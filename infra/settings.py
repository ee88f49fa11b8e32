"""The one typed configuration. Every variable is `PROX_…`; `settings.env` beside this file shows them all."""

import os
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.cassandra.config import CassandraConfig
from connectors.kafka.config import KafkaConfig
from infra.secret_fields import replaced, secret_fields, without_secrets
from models.learning.configurations import CHALLENGERS
from schemas.errors import ConfigError
from schemas.policy import ENRICHMENTS, EnrichmentPolicy, TenantPolicy

PREFIX = "PROX_"


class FlinkConfig(BaseModel):
    """How the jobs run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lanes: int = Field(default=4, ge=1, le=1024, description="ceiling of the parallelism; fixed for the life of a deployment's state")
    window: timedelta = Field(default=timedelta(milliseconds=50), description="length of a batch on the way to a score")
    long_window: timedelta = Field(default=timedelta(milliseconds=200), description="length of a batch for learning and writing")
    parallelism: int = Field(default=1, ge=1)
    max_parallelism: int = Field(default=128, ge=1, le=32_768, description="fixed for the life of a deployment's state")
    checkpoint_interval: timedelta = Field(
        default=timedelta(seconds=30), description="after a failure so much is done again at most; each one holds scores up for some 100 ms"
    )
    state_backend: Literal["auto", "hashmap", "rocksdb"] = Field(
        default="auto",
        description="hashmap: in the JVM's heap, a checkpoint writes all of it, for up to some 100,000 leads; rocksdb: on disk, a checkpoint writes "
        "what changed and holds scores up meanwhile; auto: hashmap in embedded jobs, rocksdb on a cluster",
    )
    checkpoint_dir: str = Field(
        default="", description="absolute URI; empty: the cluster's own, or with `jobs all --local` a folder that ends with it"
    )
    jars: str = Field(default="", description="connector jars, joined by ;, for a run without a cluster")
    idle_timeout: timedelta = Field(
        default=timedelta(minutes=1),
        description="a silent partition stops holding time back after this: longer than a broker's restart, or what one topic brings is "
        "labelled before what another still holds",
    )
    cached_leads: int = Field(default=100_000, ge=1, description="decoded memories kept by one operator")


class ApiConfig(BaseModel):
    """Where the API listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)


class CollectorConfig(BaseModel):
    """Where the collector listens, and how much waits in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8001, ge=0, le=65_535)
    keys_file: Path | None = Field(default=None, description="TOML of write keys; `python -m api.collector new-key` makes and fills it")
    country_header: str = Field(default="", description="header in which a proxy says the sender's country, as in cf-ipcountry")
    queue_records: int = Field(default=20_000, ge=1, description="records that wait for Kafka at most; then senders are told to wait")
    queue_bytes: int = Field(default=67_108_864, ge=1_048_576, description="and their bytes")
    body_bytes: int = Field(default=67_108_864, ge=1_048_576, description="of request bodies that are being read, at once")
    reads_up_to: int = Field(default=10, ge=0, description="events of a request that are read at once; of more, map_requests reads them later")
    delivery_timeout: timedelta = Field(default=timedelta(seconds=8), description="what Kafka has not acknowledged by then, its sender sends again")


class TenantSettings(BaseModel):
    """One table of the tenants file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attribution_window: timedelta | None = Field(default=timedelta(days=30), description="None (written as 0): the outcome is known for every event")
    skip_types: frozenset[str] = frozenset()
    is_repeatable: bool = False
    prior: float = Field(default=0.15, gt=0, lt=1)
    stages: tuple[tuple[str, ...], ...] = Field(default=(), description="event types that stand for each stage of the funnel, the first stage first")
    challengers: tuple[str, ...] = Field(default=(), description="learners that score beside the champion, to be judged: slow, fast, plain")
    enrichments_off: frozenset[str] = Field(default=frozenset(), description=f"any of {', '.join(sorted(ENRICHMENTS))}")
    internal_domains: frozenset[str] = Field(default=frozenset(), description="e-mail domains of the tenant's own people: not scored")
    crm: dict[str, dict[str, Any]] = Field(default={}, description="CRM → its account (infra.crm.accounts); secrets are sealed")
    api_key_sha256: tuple[str, ...] = Field(default=(), description="SHA-256, in hex, of each API key that speaks for this tenant")

    @field_validator("challengers")
    @classmethod
    def _known_challengers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in CHALLENGERS]
        if unknown:
            raise ValueError(f"no challenger {', '.join(unknown)}; there are {', '.join(CHALLENGERS)}")
        return tuple(dict.fromkeys(names))

    @field_validator("enrichments_off")
    @classmethod
    def _known_enrichments(cls, off: frozenset[str]) -> frozenset[str]:
        unknown = sorted(off - ENRICHMENTS)
        if unknown:
            raise ValueError(f"no enrichment {', '.join(unknown)}; there are {', '.join(sorted(ENRICHMENTS))}")
        return off

    def enrichment_policy(self) -> EnrichmentPolicy:
        """What enrichment needs of it."""
        return EnrichmentPolicy(off=self.enrichments_off, internal_domains=frozenset(domain.strip().lower() for domain in self.internal_domains))

    def policy(self) -> TenantPolicy:
        """What the engine needs of it."""
        window = self.attribution_window
        return TenantPolicy(
            window_ms=round(window.total_seconds() * 1000) if window else None,
            skip_types=self.skip_types,
            is_repeatable=self.is_repeatable,
            prior=self.prior,
            challengers=self.challengers,
            stages=self.stages,
        )


class Settings(BaseSettings):
    """Built once in `main()` or `create_app()` and passed down in pieces.

    Pickled, as in the graph of a Flink job, they hold no secret: whoever unpickles them has those of its own environment.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid")

    kafka: KafkaConfig = KafkaConfig()
    cassandra: CassandraConfig = CassandraConfig()
    flink: FlinkConfig = FlinkConfig()
    api: ApiConfig = ApiConfig()
    collector: CollectorConfig = CollectorConfig()
    pseudonym_key: SecretStr = Field(
        default=SecretStr(""), description="hashes addresses of people, 32 characters or more; a new one loses all joins by address"
    )
    tenants_file: Path | None = Field(default=None, description="TOML, a table for each tenant; tenants that are not in it have the defaults")
    pool_file: Path | None = Field(default=None, description="what `python -m infra train-pool` wrote: tenants without labels begin with it")
    secrets_keys: SecretStr | None = Field(default=None, description="open the tenants file's secrets; joined by commas, the first one seals")
    release: str = Field(default="", description="what dead letters name as their processor; empty: the version, with the commit in a checkout")
    run_dir: Path = Field(default=Path(".run"), description="pids, logs and data of the local stack")

    @classmethod
    def from_environment(cls) -> Self:
        """The settings of this process.

        Raises
        ------
        ConfigError
            Naming every variable that is unknown or has a wrong value.
        """
        known = {name.upper() for name in cls.model_fields}
        unknown = [v for v in os.environ if v.startswith(PREFIX) and v[len(PREFIX) :].split("__")[0].upper() not in known]
        if unknown:
            raise ConfigError(f"unknown variable {', '.join(sorted(unknown))}: infra/settings.env lists the known ones")
        try:
            return cls()
        except ValidationError as exc:
            problems = "; ".join(f"{PREFIX}{'__'.join(str(part).upper() for part in e['loc'])}: {e['msg']}" for e in exc.errors())
            raise ConfigError(problems) from exc

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return state | {"__dict__": without_secrets(self).__dict__}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        here = self
        for path in secret_fields(type(self)):
            secret = os.environ.get(PREFIX + "__".join(path).upper())
            if secret is not None:
                here = replaced(here, path, SecretStr(secret))
        self.__dict__.update(here.__dict__)

    def tenants(self) -> dict[str, TenantSettings]:
        """The tenants file, read now.

        Raises
        ------
        ConfigError
            The file is missing, is no TOML, or has an unknown key.
        """
        if self.tenants_file is None:
            return {}
        try:
            tables = tomllib.loads(self.tenants_file.read_text(encoding="utf-8"))
            return {name: TenantSettings.model_validate(table) for name, table in tables.items()}
        except (OSError, tomllib.TOMLDecodeError, ValidationError) as exc:
            raise ConfigError(f"{PREFIX}TENANTS_FILE {self.tenants_file}: {exc}") from exc

    def pool(self) -> bytes | None:
        """The pooled model, read now; None: tenants begin with their prior.

        Raises
        ------
        ConfigError
            The file cannot be read.
        """
        if self.pool_file is None:
            return None
        try:
            return self.pool_file.read_bytes()
        except OSError as exc:
            raise ConfigError(f"{PREFIX}POOL_FILE {self.pool_file}: {exc}") from exc

    def policies(self) -> dict[str, TenantPolicy]:
        """Tenant → policy, for the tenants of the file."""
        return {name: tenant.policy() for name, tenant in self.tenants().items()}

    def enrichment_policies(self) -> dict[str, EnrichmentPolicy]:
        """Tenant → what is added to its events, for the tenants of the file."""
        return {name: tenant.enrichment_policy() for name, tenant in self.tenants().items()}
