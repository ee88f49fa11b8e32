from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from connectors.kafka.config import KafkaConfig
from connectors.kafka.producer import Producer
from infra import dead_letters, feed
from schemas.dead_letter import DeadLetter
from schemas.topics import Topic
from tests.builders import MONDAY
from tests.unit.dataset.small import EVENTS, TABLE


@pytest.fixture
def environment(deployed: KafkaConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROX_KAFKA__BOOTSTRAP_SERVERS", deployed.bootstrap_servers)
    monkeypatch.setenv("PROX_KAFKA__REGISTRY_URL", deployed.registry_url)
    monkeypatch.setenv("PROX_KAFKA__TOPIC_PREFIX", deployed.topic_prefix)
    monkeypatch.setenv("COLUMNS", "250")


def run(*arguments: str) -> Result:
    app = typer.Typer()
    feed.register(app)
    dead_letters.register(app)
    return CliRunner().invoke(app, arguments)


@pytest.mark.usefixtures("environment")
def test_a_set_is_replayed_from_the_command_line(tmp_path: Path):
    """The command says what it published."""
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "manifest.toml").write_text(EVENTS, encoding="utf-8")
    result = run("replay", str(tmp_path / "manifest.toml"), "--speed", "max")

    assert (0, True) == (result.exit_code, "published 9 events and 1 outcomes" in result.output)


@pytest.mark.usefixtures("environment")
def test_journeys_are_simulated_from_the_command_line():
    """The command says what it published."""
    result = run("simulate", "--leads", "5", "--days", "3", "--rate", "100000")

    assert (0, True) == (result.exit_code, "published" in result.output)


@pytest.mark.usefixtures("environment")
def test_dead_letters_are_listed_and_replayed_from_the_command_line(producer: Producer):
    """The last ones are shown, and go back once."""
    for i in range(3):
        letter = DeadLetter("enrich_events.enrich_lane", Topic.EVENTS_RECEIVED.value, "not_avro", f"letter {i}", "0.1.0", MONDAY, b"acme|ada", b"{")
        producer.publish(Topic.RECORDS_DEAD, letter._replace(failed_at=MONDAY + i), key="acme|ada", at=MONDAY)
    producer.flush()
    listed = run("dead-letters", "list", "--limit", "2").output
    first, second = (run("dead-letters", "replay", "--all").output for _ in range(2))

    assert [False, True, True] == [f"letter {i}" in listed for i in range(3)]
    assert (True, True) == ("3 sent back" in first, "0 sent back, 3 were sent before" in second)


@pytest.mark.parametrize(
    "arguments", [("dead-letters", "replay"), ("dead-letters", "replay", "--all", "--stage", "x"), ("simulate", "--rate", "1", "--speed", "2x")]
)
def test_options_that_contradict_each_other_are_refused(arguments: tuple[str, ...]):
    """Nothing is sent on a guess."""
    assert 2 == run(*arguments).exit_code
