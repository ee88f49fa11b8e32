"""Where a demo's records, rows and files are: of its own, and cleared away by the next demo."""

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from connectors.cassandra.keyspaces import remove_keyspaces
from connectors.kafka.removal import remove
from infra import retention
from infra.demo.tenant import DemoTenant, tenant_table
from infra.settings import Settings
from infra.stack import Stack, deploy, ports
from infra.stack.progress import Reporter

PREFIX = "demo_"
FOLDER = "demo"
SHORT_WAITS = {"PROX_FLINK__CHECKPOINT_INTERVAL": "PT5S", "PROX_FLINK__IDLE_TIMEOUT": "PT2S"}
"""Somebody waits for its end, which shows when nothing has moved for so long; and its progress goes by checkpoints."""


class Deployment:
    """Topics, keyspace and files of one run, so that it never meets what an earlier one left.

    Parameters
    ----------
    stack
        Its servers.
    name
        Of the run: small letters, digits and underscores, after PREFIX.
    """

    def __init__(self, stack: Stack, name: str) -> None:
        self._stack = stack
        self.name = f"{PREFIX}{name}"
        self.logs = stack.run_dir / "logs" / FOLDER
        self.folder = stack.run_dir / FOLDER
        self.tmp = self.folder / "tmp"
        self._variables: dict[str, str] = {}

    def clear_files(self) -> None:
        """Remove the files of the demo before; no program of it may run."""
        self.clear_work()
        shutil.rmtree(self.logs, ignore_errors=True)
        for folder in (self.logs, self.tmp):
            folder.mkdir(parents=True)

    def clear_work(self) -> None:
        """Remove what the programs worked with, checkpoints and unpacked jars, when they have ended; logs stay."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def enter(self, tenant: DemoTenant, secrets: Mapping[str, str]) -> Settings:
        """Make this process, and those it will start, speak to this deployment; returns its settings.

        Parameters
        ----------
        secrets
            Variables that open what is sealed in the tenant's tables.
        """
        port = Settings.from_environment().api.port
        tenants = self.folder / "tenants.toml"
        tenants.write_text(tenant_table(tenant), encoding="utf-8")
        self._variables = {
            **self._stack.addresses.environment(self._stack.run_dir),
            "PROX_KAFKA__TOPIC_PREFIX": f"{self.name}.",
            "PROX_CASSANDRA__KEYSPACE": self.name,
            "PROX_FLINK__CHECKPOINT_DIR": (self.folder / "checkpoints").as_uri(),
            **{name: os.environ.get(name, value) for name, value in SHORT_WAITS.items()},
            "PROX_TENANTS_FILE": str(tenants),
            "PROX_API__PORT": str(port if ports.is_free(port) else ports.free_port()),
            **secrets,
        }
        os.environ |= self._variables
        return Settings.from_environment()

    def tell_shells(self, url: str, key: str) -> Path:
        """Write this run's variables for other terminals, with API and KEY; gone when the demo ends, readable by nobody else.

        Returns
        -------
        The file.
        """
        file = self.folder / "demo.env"
        file.touch(mode=0o600)
        lines = (f"{name}={shlex.quote(value)}\n" for name, value in {**self._variables, "API": url, "KEY": key}.items())
        file.write_text("".join(lines), encoding="utf-8")
        return file

    def make_topics(self, settings: Settings, reporter: Reporter) -> None:
        """Topics and schemas of this run; those of earlier ones go."""
        with reporter.starting("topics, schemas"):
            remove(settings.kafka, PREFIX)
            deploy.deploy_topics(settings.kafka, retention.POLICY.for_replays())
            deploy.deploy_schemas(settings.kafka)

    def make_tables(self, settings: Settings, reporter: Reporter) -> None:
        """Tables of this run; those of earlier ones go."""
        with reporter.starting("tables"):
            remove_keyspaces(settings.cassandra, PREFIX)
            deploy.deploy_tables(settings.cassandra, retention.POLICY.for_replays())
