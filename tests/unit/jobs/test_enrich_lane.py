"""The operator of enrich_events, called as Flink calls it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.settings import FlinkConfig
from jobs.operators.enrich_lane import EnrichLane
from jobs.operators.score_lane import SOURCES
from schemas.policy import EnrichmentPolicy
from schemas.topics import Topic
from tests.builders import MONDAY, TUESDAY, an_event, later, updated_profile, viewed_page, won
from tests.unit.jobs.fakes import CODEC, Harness, Record, a_record, of, offline_settings


@pytest.fixture
def lane(tmp_path: Path) -> Callable[..., Harness]:
    policies = {"acme": EnrichmentPolicy(internal_domains=frozenset({"acme.example"}))}
    return lambda cached_leads=100: Harness(lambda: EnrichLane(offline_settings(tmp_path, flink=FlinkConfig(cached_leads=cached_leads)), policies))


STORY = [
    updated_profile(at=MONDAY, plan="pro"),
    viewed_page(at=MONDAY),
    viewed_page("bob", at=MONDAY),
    viewed_page(at=MONDAY),
    viewed_page(at=TUESDAY),
]


def test_events_come_out_joined_numbered_and_once(lane: Callable[..., Harness]):
    """Under their lead's key, at their own time."""
    published = lane().take([a_record(event) for event in STORY])

    assert [(b"acme|ada", 1), (b"acme|ada", 2), (b"acme|bob", 1), (b"acme|ada", 3)] == [(one.key, one.value.sequence) for one in published]
    assert [MONDAY, MONDAY, MONDAY, TUESDAY] == [one.at for one in published]
    assert {"plan": "pro"} == published[-1].value.profile_texts


def test_a_neighbour_is_handed_what_is_published(tmp_path: Path):
    """The enriched events of a batch, with its lane and its clock; no dead letter, and nothing where nothing was enriched."""
    harness = Harness(lambda: EnrichLane(offline_settings(tmp_path), {}, hands_over=True))
    published = harness.take([*(a_record(event) for event in STORY), Record(b"acme|ada", b"?")], lane=3, clock=7)
    harness.take([a_record(STORY[0]), Record(b"acme|ada", b"?")], lane=3, clock=8)
    [(lane, (keys, values, origins, clock))] = harness.handed

    assert (3, 7, {SOURCES.index(Topic.EVENTS_ENRICHED)}) == (lane, clock, set(origins))
    assert [one.key for one in published if one.topic == Topic.EVENTS_ENRICHED.value] == list(keys)
    assert of(Topic.EVENTS_ENRICHED, published) == [CODEC.decode(value) for value in values]


@pytest.mark.parametrize("cached_leads", [1, 100])
def test_a_restart_between_any_two_batches_changes_nothing(lane: Callable[..., Harness], cached_leads: int):
    """Not with every lead at hand, and not with one."""
    through, restarted = lane(cached_leads), lane(cached_leads)
    expected = [one for event in STORY for one in through.take([a_record(event)])]
    got = []
    for event in STORY:
        got += restarted.take([a_record(event)])
        restarted.restart()

    assert expected == got


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record(b"acme|ada", b"?"), "not_avro"),
        (a_record(won()), "wrong_type"),
        (a_record(viewed_page("")), "invalid"),
        (a_record(viewed_page())._replace(key=b"acme|bob"), "invalid"),
    ],
    ids=["unreadable", "an outcome", "no lead", "another's key"],
)
def test_what_is_no_event_becomes_a_dead_letter(lane: Callable[..., Harness], record: Record, reason: str):
    """Whole, while its batch goes on."""
    published = lane().take([record, a_record(viewed_page("bob"))])
    [letter] = of(Topic.RECORDS_DEAD, published)

    assert (record.key, record.value, reason) == (letter.key, letter.value, letter.reason)
    assert ["bob"] == [event.lead for event in of(Topic.EVENTS_ENRICHED, published)]


def test_a_lane_that_is_silent_forgets_by_its_timer(lane: Callable[..., Harness]):
    """Nothing is left of a lead a year and a month after its last event: later than scoring forgets it."""
    harness = lane()
    harness.backend.watermark = MONDAY
    harness.take([a_record(viewed_page(at=MONDAY))], clock=MONDAY)
    harness.advance(later(MONDAY, days=394))
    kept = harness.backend.size
    harness.advance(later(MONDAY, days=396))

    assert (2, 0) == (kept, harness.backend.size)


def test_a_lane_whose_only_records_came_before_the_first_watermark_forgets_by_event_time(lane: Callable[..., Harness]):
    """The wall clock, years ahead in a replay, only makes it look whether event time is known."""
    harness = lane()
    harness.take([a_record(viewed_page(at=MONDAY))])
    harness.backend.processing_time = later(MONDAY, days=4_000)
    harness.wait()
    harness.backend.watermark = MONDAY
    harness.wait()
    kept = dict(harness.backend.entries("leads"))
    harness.advance(later(MONDAY, days=396))

    assert (1, {}) == (len(kept), harness.backend.entries("leads"))


def test_a_lead_that_acted_again_is_kept(lane: Callable[..., Harness]):
    """The first due only looks again."""
    harness = lane()
    harness.backend.watermark = MONDAY
    harness.take([a_record(viewed_page(at=MONDAY))], clock=MONDAY)
    harness.take([a_record(viewed_page(at=later(MONDAY, days=200)))], clock=later(MONDAY, days=200))
    harness.advance(later(MONDAY, days=396))
    [event] = of(Topic.EVENTS_ENRICHED, harness.take([a_record(viewed_page(at=later(MONDAY, days=230)))], clock=later(MONDAY, days=396)))

    assert 3 == event.sequence


def test_lanes_do_not_mix(lane: Callable[..., Harness]):
    """State of one lane is not seen from another."""
    harness = lane()
    harness.take([a_record(viewed_page("ada"))], lane=1)
    harness.take([a_record(viewed_page("bob"))], lane=2)

    assert {1: ["acme|ada"], 2: ["acme|bob"]} == {number: list(leads) for number, leads in harness.backend.states["leads"].items() if leads}


def test_an_event_as_large_as_is_let_in_is_enriched(lane: Callable[..., Harness]):
    """And one byte more is a dead letter."""
    event = an_event(properties={"text": ""})
    room = 1_048_576 - len(CODEC.encode(event))
    sizes = [a_record(event._replace(properties={"text": "x" * (room + more)})) for more in (-8, 8)]
    published = lane().take(sizes)

    assert (1, ["too_large"]) == (len(of(Topic.EVENTS_ENRICHED, published)), [letter.reason for letter in of(Topic.RECORDS_DEAD, published)])


def test_events_say_where_they_came_from_and_machines_are_only_shown(lane: Callable[..., Harness]):
    """What an event says of itself is added to its context; what no lead did is an observation."""
    visit = viewed_page(at=MONDAY, context={"page.referrer": "https://www.google.com/", "page.url": "https://acme.example/"})
    crawl = viewed_page("bot", at=MONDAY, context={"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"})
    colleague = updated_profile("eve", at=MONDAY, email="Eve@Acme.example")
    published = [one.value for one in lane().take([a_record(event) for event in (visit, crawl, colleague)])]

    assert ["organic_search", None, None] == [event.context.get("traffic.channel") for event in published]
    assert [(visit.channel, None), ("observation", "bot"), ("observation", "internal")] == [
        (event.channel, event.context.get("filtered")) for event in published
    ]
