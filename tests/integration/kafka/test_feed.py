from pathlib import Path

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records, read_values
from infra import feed
from infra.feed import Fed
from infra.pace import Pace, Pacer
from infra.settings import Settings
from models.dataset.dataset import read
from models.dataset.files import open_file
from models.journeys import simulator
from schemas.codec import Codec
from schemas.event import Event
from schemas.ids import Millis, lead_key
from schemas.policy import DAY_MS, TenantPolicy
from schemas.topics import Topic, Value
from tests.builders import instant
from tests.unit.dataset.small import EVENTS, TABLE

NOW = instant("2026-06-01")


def a_set(folder: Path) -> Path:
    (folder / "table.csv").write_text(TABLE, encoding="utf-8")
    (folder / "manifest.toml").write_text(EVENTS, encoding="utf-8")
    return folder / "manifest.toml"


def received(config: KafkaConfig, codec: Codec) -> list[Value]:
    return [*read_values(config, codec, Topic.EVENTS_RECEIVED), *read_values(config, codec, Topic.OUTCOMES_RECEIVED)]


def test_a_replay_sends_every_record_of_the_set(deployed: KafkaConfig, codec: Codec, tmp_path: Path):
    """Events and outcomes arrive as the reader made them."""
    path = a_set(tmp_path)
    fed = feed.replay(Settings(kafka=deployed), path)
    expected = sorted(map(repr, read(str(path), open_file).records()))

    assert (Fed(events=9, outcomes=1), expected) == (fed, sorted(map(repr, received(deployed, codec))))


def test_a_record_is_keyed_by_its_lead_at_its_own_time(deployed: KafkaConfig, codec: Codec, tmp_path: Path):
    """The key is `tenant|lead`, the Kafka timestamp is when it happened."""
    feed.replay(Settings(kafka=deployed), a_set(tmp_path))
    for record in read_records(deployed, Topic.EVENTS_RECEIVED):
        event = codec.decode_as(Event, record.value)

        assert (lead_key(event.tenant, event.lead).encode(), event.occurred_at) == (record.key, record.at)


def test_progress_is_told_to_the_end(deployed: KafkaConfig, tmp_path: Path):
    """The last word is that all was fed."""
    told: list[tuple[int, int | None]] = []
    feed.replay(Settings(kafka=deployed), a_set(tmp_path), on_progress=lambda done, total: told.append((done, total)))

    assert ((1, 10), (10, 10)) == (told[0], told[-1])


def test_simulated_journeys_are_received_now(deployed: KafkaConfig, codec: Codec):
    """They are the seeded stream, ending now, and received when they were sent."""
    fed = feed.simulate(Settings(kafka=deployed), leads=30, days=20.0, seed=3, clock=lambda: NOW)
    start = Millis(NOW - 20 * DAY_MS)
    steps = simulator.simulate(tenant="demo", seed=3, leads=30, start=start, days=20.0)
    expected = sorted(repr(step.record._replace(received_at=NOW)) for step in steps)

    assert (len(expected), expected) == (sum(fed), sorted(map(repr, received(deployed, codec))))


def test_a_feed_waits_until_each_record_is_due(deployed: KafkaConfig, tmp_path: Path):
    """At 86,400 times the speed of life, two days apart are two seconds."""
    now, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))
        now[0] += seconds

    pacer = Pacer(Pace(speed=86_400), clock=lambda: now[0], sleep=sleep)
    feed.feed(Settings(kafka=deployed), read(str(a_set(tmp_path)), open_file).records(), pacer)

    assert [1.0, 1.0, 56.625] == waits


def test_the_tenant_of_a_set_is_known_without_its_table(tmp_path: Path):
    """The demo takes the policy from the manifest alone."""
    path = a_set(tmp_path)
    (tmp_path / "table.csv").unlink()

    assert ("small", TenantPolicy(window_ms=30 * DAY_MS)) == feed.tenant_of(path)
