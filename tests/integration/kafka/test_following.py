"""`python -m infra crm follow` over real servers and a fake HubSpot: from a signed webhook to an outcome on Kafka, and into the tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from cryptography.fernet import Fernet
from pydantic import SecretStr
from typer.testing import CliRunner

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.values import CursorStore, ValueStore
from connectors.crm.status import statuses_of
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_values
from connectors.kafka.producer import Producer
from infra.cassandra import prepare_keyspace
from infra.crm import command
from infra.sealing import seal
from schemas.codec import Codec
from schemas.crm_change import DEAL, UPDATED, CrmChange
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.topics import Topic
from tests.builders import MONDAY, TENANT, later
from tests.crm_sources import HubSpotCrm
from tests.fakes import hubspot
from tests.fakes.server import Server

BACK = 'back = { deal_stages = { closedwon = "won", closedlost = "lost" }, share = 0.5 }'


@pytest.fixture
def crm() -> Iterator[HubSpotCrm]:
    fake = hubspot.HubSpot()
    with Server(fake.app) as server:
        yield HubSpotCrm(fake, server.url)


@pytest.fixture
def environment(
    deployed: KafkaConfig, cassandra: CassandraConfig, crm: HubSpotCrm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CassandraConfig:
    prepare_keyspace(cassandra)
    keys = Fernet.generate_key().decode()
    good, revoked = (seal(token, SecretStr(keys)) for token in (hubspot.TOKEN, "revoked"))
    tables = f'[{TENANT}.crm.hubspot]\nbase_url = "{crm.url}"\naccess_token = "{good}"\n{BACK}\n'
    tables += f'[globex.crm.hubspot]\nbase_url = "{crm.url}"\naccess_token = "{revoked}"\n{BACK}\n'
    (tmp_path / "tenants.toml").write_text(tables)
    for name, value in {
        "PROX_KAFKA__BOOTSTRAP_SERVERS": deployed.bootstrap_servers,
        "PROX_KAFKA__REGISTRY_URL": deployed.registry_url,
        "PROX_KAFKA__TOPIC_PREFIX": deployed.topic_prefix,
        "PROX_CASSANDRA__PORT": str(cassandra.port),
        "PROX_CASSANDRA__KEYSPACE": cassandra.keyspace,
        "PROX_TENANTS_FILE": str(tmp_path / "tenants.toml"),
        "PROX_SECRETS_KEYS": keys,
        "COLUMNS": "250",
    }.items():
        monkeypatch.setenv(name, value)
    return cassandra


def test_what_crms_know_comes_back(environment: CassandraConfig, deployed: KafkaConfig, codec: Codec, producer: Producer, crm: HubSpotCrm):
    """Webhooks that waited on the topic, then a walk, then nothing new; how it went is told, and where it left off is kept."""
    heard = crm.deal(crm.person("ada", MONDAY), at=MONDAY)
    crm.set_stage(heard, "won", later(MONDAY, hours=1))
    found = crm.deal(crm.person("bob", MONDAY), at=MONDAY)
    crm.set_stage(found, "lost", later(MONDAY, hours=2))
    told = CrmChange(TENANT, "hubspot", "c-1", DEAL, heard, UPDATED, "dealstage", "closedwon", "", later(MONDAY, hours=1), later(MONDAY, hours=1))
    producer.publish(Topic.CHANGES_NOTICED, told, key=told.key, at=told.occurred_at)
    producer.flush()
    app = typer.Typer()
    command.register(app)
    runs = [CliRunner().invoke(app, ["crm", "follow", "--once", "--tenant", TENANT]) for _ in range(2)]
    outcomes = [one for one in read_values(deployed, codec, Topic.OUTCOMES_RECEIVED) if isinstance(one, Outcome)]
    metrics = [one for one in read_values(deployed, codec, Topic.METRICS_PUBLISHED) if isinstance(one, Metric)]

    assert [0, 0] == [run.exit_code for run in runs], runs[0].output
    assert {("ada", "won"), ("bob", "lost")} == {(one.lead, one.outcome) for one in outcomes}
    assert 2 == len(outcomes)
    assert "2 outcomes" in runs[0].output
    assert "0 outcomes" in runs[1].output
    (status,) = statuses_of({metric.name: metric for metric in metrics}.values())
    assert status.back is not None
    assert ("open", 0.0) == (status.back.state, status.back.values["failures"])
    with CassandraClient(environment) as client:
        assert "" == CursorStore(client).cursor(TENANT, "hubspot")
        assert {"closedwon"} <= {value.value for value in ValueStore(client).known(TENANT, "hubspot", [f"deal:{heard}"])}
