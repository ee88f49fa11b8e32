"""Laws of enrichment: once is enough, and state is all there is."""

from hypothesis import given
from hypothesis import strategies as st

from models.enrichment import Acquaintance, Enriched, enrich, review
from schemas.event import PROFILE_UPDATED, Event
from schemas.policy import DAY_MS
from tests.builders import MONDAY, an_event, later

YEAR_MS = 365 * DAY_MS


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """One lead's events as they arrive within a day, some of them sent again."""
    received = MONDAY
    sent: list[Event] = []
    for number in range(draw(st.integers(0, 25))):
        received = later(received, seconds=draw(st.integers(0, 3_000)))
        if sent and draw(st.booleans()):
            sent.append(draw(st.sampled_from(sent))._replace(received_at=received))
            continue
        traits = draw(st.dictionaries(st.sampled_from("abc"), st.text(max_size=3) | st.floats(allow_nan=False), max_size=2))
        event_type = draw(st.sampled_from(("page_viewed", PROFILE_UPDATED)))
        at = later(received, seconds=-draw(st.integers(0, 9_000)))
        sent.append(an_event(at=at, type=event_type, event_id=f"e{number}", received_at=received, properties=traits))
    return sent


def through(events: list[Event], known: Acquaintance) -> list[Enriched]:
    return [enrich(event, known, retention_ms=YEAR_MS) for event in events]


@given(streams())
def test_the_same_event_twice_changes_nothing(events: list[Event]):
    """Repeats within a day give nothing and leave no trace but the hour they came: the rest is as without them."""
    seen: set[str] = set()
    first = [event for event in events if event.event_id not in seen and not seen.add(event.event_id)]
    with_repeats, without = Acquaintance(), Acquaintance()

    assert [one.event for one in through(first, without)] == [one.event for one in through(events, with_repeats) if one.event is not None]
    assert without.to_bytes() == with_repeats.to_bytes()


@given(streams())
def test_sequences_count_without_gaps(events: list[Event]):
    """Every event that passes has the next number."""
    passed = [one.event.sequence for one in through(events, Acquaintance()) if one.event]

    assert list(range(1, len(passed) + 1)) == passed


@given(streams(), st.integers(0, 25))
def test_a_restart_changes_nothing(events: list[Event], place: int):
    """What is known goes through its bytes at any moment, and enrichment goes on the same."""
    straight = through(events, Acquaintance())
    known = Acquaintance()
    before = through(events[:place], known)
    after = through(events[place:], Acquaintance.from_bytes(known.to_bytes()))

    assert straight == before + after


@given(streams(), st.integers(0, 3 * YEAR_MS))
def test_a_lead_is_forgotten_only_after_its_silence(events: list[Event], silence_ms: int):
    """It is queued once, looked at when due, and forgotten if nothing came for the retention."""
    known = Acquaintance()
    dues = [one.due for one in through(events, known) if one.due is not None]
    again_at = review(known, now=known.last_at + silence_ms, retention_ms=YEAR_MS)

    assert (1 if events else 0) == len(dues)
    assert (silence_ms >= YEAR_MS) == (again_at is None)
