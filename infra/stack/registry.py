"""Apicurio Registry, spoken to by its Confluent interface; it keeps its schemas in a file."""

from pathlib import Path

import httpx

from infra.jvm import FIRST_COMPILER
from infra.stack import jars, java, ports
from infra.stack.addresses import Addresses
from infra.stack.service import Spec

MEMORY = ("-Xms128m", "-Xmx384m")


def spec(addresses: Addresses, run_dir: Path) -> Spec:
    """How the registry is started."""
    home = run_dir / "registry"
    options = {
        "quarkus.http.host": ports.LOOPBACK,
        "quarkus.http.port": addresses.registry,
        "quarkus.management.host": ports.LOOPBACK,
        "quarkus.management.port": addresses.registry_management,
        # in memory by default: a restart would give schemas other ids
        "apicurio.datasource.url": f"jdbc:h2:file:{home}/schemas",
        # 20 by default
        "apicurio.datasource.jdbc.initial-size": 2,
        "apicurio.datasource.jdbc.min-size": 2,
        # 5 s by default: on a busy machine its own file takes longer to open, and the registry would give up
        "quarkus.datasource.h2.jdbc.acquisition-timeout": "PT2M",
        "apicurio.import.work-dir": home,
        "quarkus.http.access-log.enabled": "false",
        "quarkus.log.console.color": "false",
    }
    return Spec(
        name="registry",
        command=lambda: [java.java(), *MEMORY, FIRST_COMPILER, *(f"-D{key}={value}" for key, value in options.items()), "-jar", str(_runner())],
        prepare=lambda: home.mkdir(parents=True, exist_ok=True),
        is_ready=lambda: _lists_subjects(addresses),
        ports=[addresses.registry, addresses.registry_management],
    )


def _runner() -> Path:
    return next(jars.fetch(jars.Part.REGISTRY).glob("*-runner.jar"))


def _lists_subjects(addresses: Addresses) -> bool:
    try:
        return httpx.get(f"{addresses.kafka_config().registry_url}/subjects", timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
