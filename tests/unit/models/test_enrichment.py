"""What enrichment lets pass, joins and forgets."""

import pytest

from models.enrichment import DUPLICATE_WINDOW_MS, ID_LENGTH, LATEST_IDS, Acquaintance, check_event, check_outcome, enrich, review
from schemas.enriched import EnrichedEvent
from schemas.errors import FatalError, PoisonRecordError
from schemas.event import Event
from schemas.ids import Millis, lead_key
from schemas.outcome import Outcome
from schemas.policy import DAY_MS
from tests.builders import FRIDAY, MONDAY, TUESDAY, an_event, instant, later, updated_profile, viewed_page, won

YEAR_MS = 365 * DAY_MS


def key_of(record: Event | Outcome) -> bytes:
    return lead_key(record.tenant, record.lead).encode()


def join(event: Event, known: Acquaintance) -> EnrichedEvent | None:
    return enrich(event, known, retention_ms=YEAR_MS).event


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (an_event(tenant=""), "tenant is empty"),
        (an_event(""), "lead is empty"),
        (an_event(event_id=" "), "event_id is empty"),
        (an_event(type=""), "type is empty"),
        (an_event(channel=""), "channel is empty"),
        (an_event(event_id="x" * (ID_LENGTH + 1)), "event_id is longer than 512 characters"),
        (an_event(tenant="ac|me"), "tenant holds '|'"),
        (an_event("a\nb"), "an id holds a line break or a zero byte"),
        (an_event(event_id="a\x00b"), "an id holds a line break or a zero byte"),
        (an_event()._replace(occurred_at=Millis(0)), "occurred_at is before the year 2000"),
        (an_event()._replace(occurred_at=instant("2100-01-01")), "occurred_at is more than a day in the future"),
        (an_event(received_at=Millis(-1)), "received_at is before the year 2000"),
        (an_event(received_at=Millis(1 << 60)), "received_at is more than a day in the future"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_that_no_lead_could_be_scored_on_is_refused(event: Event, problem: str):
    """The reason names the field, not the value."""
    with pytest.raises(PoisonRecordError) as caught:
        check_event(event, key_of(event), now=FRIDAY)

    assert (problem, "invalid") == (str(caught.value), caught.value.reason)


def test_all_problems_are_told_at_once():
    """Who sent it mends it in one go."""
    with pytest.raises(PoisonRecordError) as caught:
        check_event(an_event("", tenant="", at=Millis(0)), b"?", now=FRIDAY)

    times = "occurred_at is before the year 2000; received_at is before the year 2000"
    assert f"tenant is empty; lead is empty; {times}; the record's key is not tenant|lead" == str(caught.value)


def test_a_lead_may_hold_a_separator():
    """The key splits at the first one."""
    event = an_event("a|b")
    check_event(event, b"acme|a|b", now=FRIDAY)

    assert ("acme", "a|b") == (event.tenant, event.lead)


def test_under_another_leads_key_an_event_is_refused():
    """The key chose the lane: a lead has one."""
    with pytest.raises(PoisonRecordError, match="key is not tenant"):
        check_event(an_event("ada"), b"acme|bob", now=FRIDAY)


def test_a_clock_that_is_a_little_fast_is_tolerated():
    """A time zone mistaken is no reason to lose an event."""
    event = an_event(at=later(FRIDAY, hours=24))

    assert check_event(event, key_of(event), now=FRIDAY) is None


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        (won()._replace(outcome="maybe"), "outcome is none of won, lost, disqualified, reopened"),
        (won(outcome_id=""), "outcome_id is empty"),
        (won()._replace(occurred_at=Millis(0)), "occurred_at is before the year 2000"),
        (won()._replace(occurred_at=instant("2100-01-01")), "occurred_at is more than a day in the future"),
        (won(received_at=Millis(0)), "received_at is before the year 2000"),
        (won(received_at=Millis(1 << 60)), "received_at is more than a day in the future"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_outcome_that_says_nothing_is_refused(outcome: Outcome, problem: str):
    """As for events."""
    with pytest.raises(PoisonRecordError) as caught:
        check_outcome(outcome, key_of(outcome), now=FRIDAY)

    assert problem == str(caught.value)


def test_an_outcome_that_is_whole_passes():
    """Under its lead's key."""
    assert check_outcome(won(), b"acme|ada", now=FRIDAY) is None


def test_an_event_carries_the_profile_as_of_then():
    """Traits stay, the newest value of each; an update carries itself."""
    known = Acquaintance()
    first = join(updated_profile(at=MONDAY, plan="free", employees=40.0), known)
    second = join(viewed_page(at=TUESDAY), known)
    third = join(updated_profile(at=FRIDAY, plan="pro"), known)

    assert [("free", 40.0), ("free", 40.0), ("pro", 40.0)] == [
        (event.profile_texts["plan"], event.profile_numbers["employees"]) for event in (first, second, third) if event
    ]


def test_a_profile_given_is_not_changed_later():
    """What was published stays as it was."""
    known = Acquaintance()
    first = join(updated_profile(at=MONDAY, plan="free"), known)
    join(updated_profile(at=TUESDAY, plan="pro"), known)

    assert first is not None
    assert {"plan": "free"} == first.profile_texts


def test_an_account_once_known_stays():
    """Until another event names another."""
    known = Acquaintance()
    events = [an_event(at=MONDAY), an_event(at=TUESDAY, account_id="lovelace-ltd"), an_event(at=FRIDAY)]

    assert [None, "lovelace-ltd", "lovelace-ltd"] == [event.account_id for event in (join(event, known) for event in events) if event]


@pytest.mark.parametrize("name", ["gmail.com", "Yahoo.co.uk", "undefined", "", "x" * 513])
def test_what_anybody_shares_is_no_account(name: str):
    """A mailbox's domain or a broken client's word takes nobody out of the company that is known."""
    known = Acquaintance()
    events = [join(an_event(at=at, account_id=account), known) for at, account in ((MONDAY, "lovelace-ltd"), (TUESDAY, name))]

    assert ["lovelace-ltd"] * 2 == [event.account_id for event in events if event]


def test_properties_are_parted_by_kind():
    """Texts here, numbers there."""
    event = join(an_event(properties={"page": "/", "seconds": 12.5}), Acquaintance())

    assert event is not None
    assert ({"page": "/"}, {"seconds": 12.5}) == (event.texts, event.numbers)


def test_a_retry_within_a_day_is_dropped():
    """An SDK sends again with the same `occurred_at`, a day later at most."""
    known, event = Acquaintance(), an_event(at=MONDAY)
    join(event, known)

    assert None is join(event._replace(received_at=Millis(event.received_at + DUPLICATE_WINDOW_MS)), known)


def test_a_retry_after_more_than_a_day_is_a_new_event():
    """Older repeats are remembered among the latest only, so that memory is bounded."""
    known, event = Acquaintance(), an_event(at=MONDAY)
    join(event, known)
    late = Millis(event.received_at + DUPLICATE_WINDOW_MS + 1)
    for number in range(LATEST_IDS):
        join(an_event(event_id=f"another-{number}", received_at=late), known)
    again = join(event._replace(received_at=late), known)

    assert again is not None
    assert (LATEST_IDS + 2, LATEST_IDS + 1) == (again.sequence, len(known.recent))


def test_a_request_of_several_days_that_came_twice_counts_once():
    """A broker that was killed takes a producer's request again; where history is fed, it spans days."""
    known = Acquaintance()
    request = [an_event(event_id=f"visit-{day}", at=Millis(MONDAY + day * DUPLICATE_WINDOW_MS)) for day in range(0, 2 * LATEST_IDS, 2)]
    joined = [join(event, known) for event in request * 2]

    assert [True] * LATEST_IDS + [False] * LATEST_IDS == [event is not None for event in joined]


def test_a_lead_is_queued_once():
    """For the day that it would be forgotten."""
    known = Acquaintance()
    dues = [enrich(an_event(at=at), known, retention_ms=YEAR_MS).due for at in (MONDAY, TUESDAY)]

    assert [True, False] == [due is not None for due in dues]


def test_a_lead_that_acted_since_is_looked_at_later():
    """Its silence begins with its latest event."""
    known = Acquaintance()
    join(an_event(at=MONDAY), known)
    join(an_event(at=FRIDAY), known)
    again_at = review(known, now=later(MONDAY, days=365), retention_ms=YEAR_MS)

    assert again_at is not None
    assert again_at >= later(FRIDAY, days=365)


def test_a_silent_lead_is_to_be_forgotten():
    """After the retention, to the millisecond."""
    known = Acquaintance()
    join(an_event(at=MONDAY), known)

    assert None is review(known, now=later(MONDAY, days=365), retention_ms=YEAR_MS)


def test_bytes_of_another_version_are_refused():
    """A newer release's memory is not guessed at."""
    with pytest.raises(FatalError, match="version 9"):
        Acquaintance.from_bytes(b"\x09" + Acquaintance().to_bytes()[1:])
