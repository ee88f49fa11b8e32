import tracemalloc
from itertools import islice

import pytest

from models.journeys.process import FITS, STATES, WON, generator, propensities
from models.journeys.simulator import Step, simulate
from schemas.event import PROFILE_UPDATED, Event
from schemas.outcome import Outcome
from schemas.policy import DAY_MS
from tests.builders import MONDAY

DAYS = 120.0


def journeys(*, seed: int = 7, leads: int = 400, days: float = DAYS) -> list[Step]:
    return list(simulate(tenant="demo", seed=seed, leads=leads, start=MONDAY, days=days))


def events(steps: list[Step]) -> list[Event]:
    return [step.record for step in steps if isinstance(step.record, Event)]


def test_the_same_seed_gives_the_same_stream():
    """A simulation can be repeated, record by record."""
    assert journeys() == journeys()


def test_another_seed_gives_another_stream():
    """Ids differ too, so two streams can be fed side by side."""
    first, second = ({event.event_id for event in events(journeys(seed=seed))} for seed in (1, 2))

    assert set() == first & second


def test_time_never_goes_back_and_stays_inside():
    """Records come in order of event time, between the start and the end."""
    times = [step.record.occurred_at for step in journeys()]

    assert (times, True, True) == (sorted(times), times[0] >= MONDAY, times[-1] <= MONDAY + DAYS * DAY_MS)


def test_no_two_records_share_an_id():
    """Ids are unique over events and outcomes."""
    ids = [step.record.event_id if isinstance(step.record, Event) else step.record.outcome_id for step in journeys()]

    assert len(ids) == len(set(ids))


def test_leads_come_by_every_channel():
    """Web, e-mail, social, phone and CRM; profiles have a channel of their own."""
    assert {"web", "email", "social", "phone", "crm", "profile"} == {event.channel for event in events(journeys())}


def test_many_leads_start_without_a_name():
    """A visitor has an anonymous id first and a user id later, under one lead."""
    first: dict[str, Event] = {}
    named = set()
    for event in events(journeys()):
        first.setdefault(event.lead, event)
        if event.user_id:
            named.add(event.lead)
    later_named = [lead for lead, event in first.items() if event.anonymous_id and event.user_id is None and lead in named]

    assert 50 < len(later_named) < len(first)


def test_whatever_names_a_person_is_in_one_place():
    """An address is in the person and nowhere else."""
    leaks = [event for event in events(journeys()) if "@" in repr(event._replace(person=None))]

    assert [] == leaks


def test_a_profile_tells_the_firm():
    """Firmographics arrive as traits, when the lead is known."""
    profile = next(event for event in events(journeys()) if event.type == PROFILE_UPDATED)

    assert {"industry", "employees", "country", "seniority"} == profile.properties.keys()


def test_silence_is_the_most_frequent_end():
    """Few leads have an outcome at all, and both kinds occur."""
    steps = journeys()
    ended = {step.record.lead: step.record.outcome for step in steps if isinstance(step.record, Outcome)}

    assert (True, True) == (0 < len(ended) < len({event.lead for event in events(steps)}) / 2, {"won", "lost"} <= set(ended.values()))


def test_nothing_follows_an_outcome():
    """A lead that ended is silent."""
    steps = journeys()
    ended = {step.record.lead: step.record.occurred_at for step in steps if isinstance(step.record, Outcome)}

    assert all(event.occurred_at <= ended.get(event.lead, event.occurred_at) for event in events(steps))


def test_a_bot_never_buys():
    """Bots click a lot, and their true propensity is 0."""
    bots = [step for step in journeys() if isinstance(step.record, Event) and step.record.context["device"] == "bot"]

    assert (True, {0.0}) == (len(bots) > 20, {step.true_propensity for step in bots})


def test_memory_grows_with_the_leads_under_way_only():
    """A stream of ten million leads is lazy: its first records cost next to nothing."""
    tracemalloc.start()
    first = sum(1 for _ in islice(simulate(tenant="demo", seed=1, leads=10_000_000, start=MONDAY, days=365.0), 1_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (1_000, True) == (first, peak < 20_000_000)


def test_no_leads_no_records():
    """An empty simulation is empty, and no error."""
    assert [] == journeys(leads=0)


@pytest.mark.parametrize("fit", range(FITS))
def test_the_generator_loses_no_lead(fit: int):
    """Rows of a generator sum to 0: a lead is always somewhere."""
    assert [0.0] * STATES == pytest.approx(generator(fit).sum(axis=1).tolist(), abs=1e-12)


def test_propensity_grows_with_fit_heat_and_window():
    """What a seller expects of the truth: better leads, hotter leads and more time convert more."""
    by_fit = [propensities(fit)[0] for fit in range(FITS)]
    cold, hot = propensities(6)[4], propensities(6)[5]
    short, long = propensities(6, 7.0)[4], propensities(6, 60.0)[4]

    assert (sorted(by_fit), True, True, 1.0) == (by_fit, cold < hot, short < cold < long, pytest.approx(propensities(6)[WON]))
