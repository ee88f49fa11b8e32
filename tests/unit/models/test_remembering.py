"""What a lead's memory holds after its events, and what an event's vector says of it."""

import math
import struct

import numpy as np
import pytest

from models import memory as m
from models.features.registry import CATEGORY, DENSE, NUMBER, SPARSE
from models.features.vector import LOW, FeatureVector, categorical_id, numeric_id, vector_from_bytes
from models.memory import LeadMemory, PendingPoint
from models.recompute import bases
from models.remembering import PREVIOUS_EVENT, SALT_COUNT, salted
from models.remembrance import Remembrance
from models.replay import DictMemories
from schemas.errors import FatalError, PoisonRecordError
from schemas.event import Event
from schemas.policy import TenantPolicy
from tests.builders import MONDAY, TUESDAY, WEDNESDAY, an_event, enriched, later, opened_email, viewed_page
from tests.lane import Lane

SUNDAY_NOON = later(MONDAY, days=-1, hours=3)


def vectors(*events: Event) -> list[FeatureVector]:
    return [vector_from_bytes(basis.features) for basis in bases(enriched(*events), {})]


def dense(*events: Event) -> dict[str, float]:
    """The last event's dense features."""
    return {feature.name: value for feature, value in zip(DENSE, vectors(*events)[-1].dense.tolist(), strict=True)}


def memory_after(*events: Event) -> LeadMemory:
    lane = Lane()
    lane.take(enriched(*events))
    return lane.memories.load("acme|ada")


def count_of(event_type: str) -> int:
    return int(salted(categorical_id("event", event_type) & LOW, SALT_COUNT)) << 32


def test_the_first_event_has_no_past():
    """One event, one visit, no age, no gap."""
    first = dense(viewed_page(at=MONDAY))

    assert pytest.approx(math.log(2)) == first["events"] == first["sessions"] == first["session_events"]
    assert [0.0] * 5 == [first[name] for name in ("age", "gap", "mean_gap", "max_gap", "type_gap")]


def test_a_visit_ends_after_half_an_hour_of_silence():
    """Thirty minutes are within a visit, more are not."""
    within = memory_after(viewed_page(at=MONDAY), viewed_page(at=later(MONDAY, minutes=30))).row
    beyond = memory_after(viewed_page(at=MONDAY), viewed_page(at=later(MONDAY, minutes=30, seconds=1))).row

    assert [(1.0, 2.0), (2.0, 1.0)] == [(row[m.SESSIONS], row[m.SESSION_EVENTS]) for row in (within, beyond)]


def test_a_late_event_opens_no_visit():
    """It comes from the past, so nobody came back."""
    row = memory_after(viewed_page(at=TUESDAY), viewed_page(at=MONDAY)).row

    assert (1.0, 2.0) == (row[m.SESSIONS], row[m.SESSION_EVENTS])


def test_a_late_event_weighs_by_its_age():
    """Two days late is one mean life of the daily count; the beginning moves back, the latest stays."""
    row = memory_after(viewed_page(at=later(MONDAY, days=2)), viewed_page(at=MONDAY)).row

    assert pytest.approx(1.0 + math.exp(-1.0)) == row[m.DECAYED_DAY]
    assert (MONDAY, later(MONDAY, days=2)) == (row[m.FIRST_AT], row[m.LAST_AT])


def test_counts_decay_with_their_mean_life():
    """An hour, two days and a week, each of its own count."""
    for name, wait in (("decayed_hour", {"hours": 1}), ("decayed_day", {"days": 2}), ("decayed_week", {"days": 7})):
        assert pytest.approx(1.0 + math.exp(-1.0)) == dense(viewed_page(at=MONDAY), viewed_page(at=later(MONDAY, **wait)))[name]


def test_gaps_are_counted_in_hours():
    """The silence before this event, the longest, and the usual one."""
    last = dense(viewed_page(at=MONDAY), viewed_page(at=later(MONDAY, hours=9)), viewed_page(at=later(MONDAY, hours=12)))

    assert pytest.approx([math.log1p(3), math.log1p(9), math.log1p(6)]) == [last["gap"], last["max_gap"], last["mean_gap"]]


def test_the_clock_and_the_calendar_are_utc():
    """Noon is below the circle's end, and Sunday the week's last day."""
    noon = dense(viewed_page(at=SUNDAY_NOON))

    assert pytest.approx([0.0, -1.0], abs=1e-6) == [noon["hour_sine"], noon["hour_cosine"]]
    assert 6.0 == noon["weekday"]
    assert 0.0 == dense(viewed_page(at=MONDAY))["weekday"]


def test_each_type_is_counted_for_itself():
    """Of this type, of this channel, and since this type last came."""
    last = dense(opened_email(at=MONDAY), viewed_page(at=later(MONDAY, hours=1)), opened_email(at=later(MONDAY, hours=4)))

    assert pytest.approx([math.log(3), math.log(3), math.log(5), 2.0]) == [last[k] for k in ("type_events", "channel_events", "type_gap", "types")]


def test_the_event_before_is_a_feature():
    """Of the second event on; the first has none before it."""
    first, second = vectors(opened_email(at=MONDAY), viewed_page(at=TUESDAY))
    before = PREVIOUS_EVENT | (categorical_id("event", "email_opened") & LOW)

    assert [False, True] == [before in first.ids, before in second.ids]


def test_counts_of_types_are_features():
    """As logarithms, for the types that were met."""
    last = vectors(opened_email(at=MONDAY), viewed_page(at=MONDAY), viewed_page(at=TUESDAY))[-1]
    counts = dict(zip(last.ids.tolist(), last.values.tolist(), strict=True))

    assert pytest.approx([math.log(2), math.log(3)]) == [counts[count_of("email_opened")], counts[count_of("page_viewed")]]


def test_the_thirteenth_type_takes_the_place_of_the_one_not_used_for_the_longest_time():
    """Twelve types are counted; who comes back begins again."""
    story = [an_event(at=later(MONDAY, hours=i), type=f"type_{i}") for i in range(12)]
    again = an_event(at=later(MONDAY, hours=12), type="type_0", event_id="again")
    last = vectors(*story, again, an_event(at=later(MONDAY, hours=13), type="newcomer"))[-1]

    assert (True, False, True) == tuple(count_of(name) in last.ids for name in ("type_0", "type_1", "newcomer"))
    assert 12.0 == last.dense[[feature.name for feature in DENSE].index("types")]


def test_the_seventh_channel_takes_the_place_of_the_oldest():
    """Six channels are counted."""
    story = [an_event(at=later(MONDAY, hours=i), channel=f"channel_{i}", event_id=f"e{i}") for i in range(7)]
    row = memory_after(*story).row
    ids = row[m.CHANNELS :: m.CHANNEL_FIELDS][: m.CHANNEL_SLOTS].astype(np.uint32)

    assert {categorical_id("channel", f"channel_{i}") & LOW for i in range(1, 7)} == set(ids.tolist())


def sparse(*events: Event, policy: TenantPolicy | None = None) -> dict[str, float]:
    """The last event's sparse features by name."""
    remembrance = Remembrance(lambda _: policy or TenantPolicy())
    remembered = remembrance.remember(enriched(*events), DictMemories())
    last = len(remembered.events) - 1
    vector = remembered.vectors.one(last)
    names = [remembrance.name_of(feature_id) for feature_id in vector.ids.tolist()]
    assert None not in names
    return dict(zip(names, vector.values.tolist(), strict=True))


def test_each_channel_is_counted_for_itself_and_fades():
    """From the second event on; two days are one mean life."""
    last = sparse(opened_email(at=MONDAY), viewed_page(at=MONDAY), viewed_page(at=later(MONDAY, days=2)))
    first = sparse(viewed_page(at=MONDAY))

    assert pytest.approx([math.log(2), math.log(3)]) == [last[f"events_of_channel={channel}"] for channel in ("email", "web")]
    assert pytest.approx([math.exp(-1), 1 + math.exp(-1)]) == [last[f"decayed_of_channel={channel}"] for channel in ("email", "web")]
    assert pytest.approx(1 + math.exp(-1)) == last["type_decayed"]
    assert not any("decayed" in name or "channel=" in name.removeprefix("channel=") for name in first)


def test_a_funnel_has_stages_and_a_pace():
    """The highest stage that was reached counts, since when, and how long each took; going back changes nothing."""
    policy = TenantPolicy(stages=(("page_viewed",), ("email_opened", "demo_requested")))
    story = [viewed_page(at=MONDAY), opened_email(at=later(MONDAY, hours=6)), viewed_page(at=later(MONDAY, hours=7))]
    last = sparse(*story, policy=policy)

    assert pytest.approx([2.0, math.log(2), math.log(4)]) == [last[name] for name in ("stage", "stage_gap", "pace")]
    assert {"stage", "stage_gap", "pace"}.isdisjoint(sparse(*story))


def test_numbers_are_summed_and_the_last_one_is_remembered():
    """Of what came before this event; a profile's numbers are the lead's anyway."""
    story = [viewed_page(at=MONDAY, seconds=30.0), viewed_page(at=TUESDAY, seconds=-50.0), opened_email(at=WEDNESDAY)]
    last = sparse(*story)

    assert pytest.approx([-math.log(21), -math.log(51)], rel=1e-5) == [last[f"{what}_of=seconds_on_page"] for what in ("sum", "last")]
    assert not any("_of=seconds" in name for name in sparse(story[0]))


def test_the_fifth_number_takes_the_place_of_the_oldest():
    """Four are remembered, and absurd ones are held."""
    story = [viewed_page(at=later(MONDAY, hours=i), properties={f"number_{i}": 1e300}) for i in range(6)]
    last = sparse(*story)

    assert {f"sum_of=number_{i}" for i in range(1, 5)} == {name for name in last if name.startswith("sum_of=")}
    assert all(math.isfinite(value) for value in last.values())


def test_every_feature_is_defined():
    """Whatever a vector holds is in the registry, by its name or by its pattern."""
    policy = TenantPolicy(stages=(("page_viewed",),))
    last = sparse(viewed_page(at=MONDAY), opened_email(at=TUESDAY), viewed_page(at=WEDNESDAY), policy=policy)
    patterns = {feature.name.partition("=<")[0] for feature in SPARSE} | {"seconds_on_page"}

    assert set() == {name.partition("=")[0] for name in last} - patterns
    assert {NUMBER, CATEGORY} == {feature.kind for feature in SPARSE}
    assert pytest.approx(48 * math.log(2)) == next(feature.half_life_h for feature in DENSE if feature.name == "decayed_day")


def test_a_memory_of_the_release_before_goes_on():
    """What it counted stays; what had faded begins with what comes."""
    memory = memory_after(opened_email(at=MONDAY), viewed_page(at=TUESDAY))
    point = struct.pack("<IqBIqB", 1, MONDAY, 0, 7, 0, 0)
    read = LeadMemory.from_bytes(b"\x01" + memory.row[: m.FADED].tobytes() + point)

    assert memory.row[: m.FADED].tobytes() == read.row[: m.FADED].tobytes()
    assert (0.0, [PendingPoint(1, MONDAY, 0, 7)]) == (read.row[m.FADED :].sum(), read.pending)


def test_a_memory_costs_841_bytes_and_17_for_each_point():
    """What the job's documentation says; where points wait, also how many names they speak of, and those."""
    memory = memory_after(viewed_page(at=MONDAY), viewed_page(at=TUESDAY))
    names = memory.names.nbytes

    assert (841 + 2 + names + 2 * 17, 841) == (len(memory.to_bytes()), len(LeadMemory.empty().to_bytes()))


def test_a_memory_of_a_newer_release_is_refused():
    """This one would lose what it cannot read."""
    with pytest.raises(FatalError, match="version 9"):
        LeadMemory.from_bytes(b"\x09" + LeadMemory.empty().to_bytes()[1:])


@pytest.mark.parametrize("data", [b"", b"\x02", b"\x03" + bytes(68), b"\x02" + bytes(69), b"\x01" + bytes(69)])
def test_bytes_that_are_no_vector_are_refused(data: bytes):
    """Of another version, too short, or with half a feature."""
    with pytest.raises(PoisonRecordError, match="no feature vector of version 2"):
        vector_from_bytes(data)


def test_a_number_and_a_category_of_one_name_are_two_features():
    """Of one attribute: the lower half tells them apart."""
    assert (True, 0) == (categorical_id("amount", "1") & LOW > 1, numeric_id("amount") & LOW)
