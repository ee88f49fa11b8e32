"""Whoever fails meanwhile and whatever order jobs run in: one person is one lead that remembers everything once."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.identity.stitcher import Stitcher
from models.recompute import Recomputed
from schemas.event import PROFILE_UPDATED, Event, Person
from schemas.identity import APART, REJOINED, IdentityClaim
from schemas.ids import Millis
from schemas.topics import Topic
from tests.builders import MONDAY, TENANT, an_event
from tests.identity_log import ENRICH, SCORE, STITCH, IdentityLog

SOME = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
BROWSERS, USERS, EMAILS = ("b-1", "b-2", "b-3"), ("ada", "bob"), ("x@a.example", "y@a.example")
JOBS = st.sampled_from((ENRICH, STITCH, SCORE))
Act = tuple[str, int]


@contextmanager
def a_log() -> Iterator[IdentityLog]:
    with tempfile.TemporaryDirectory() as folder:
        yield IdentityLog(Path(folder))


@st.composite
def stories(draw: st.DrawFn) -> list[Event | IdentityClaim]:
    """Few people on few browsers: pages, logins, forms, and now and then an operator."""
    told: list[Event | IdentityClaim] = []
    for number in range(draw(st.integers(3, 25))):
        at = Millis(MONDAY + 60_000 * number)
        browser, user = draw(st.sampled_from(BROWSERS)), draw(st.none() | st.sampled_from(USERS))
        kind = draw(st.sampled_from(("page", "page", "page", "login", "form", "operator")))
        given_ = {"at": at, "anonymous_id": browser, "user_id": user, "event_id": f"e-{number}"}
        if kind == "page":
            told.append(an_event(user or browser, **given_))  # type: ignore[arg-type]
        elif kind == "operator":
            word = draw(st.sampled_from((APART, REJOINED)))
            told.append(IdentityClaim(TENANT, f"c-{number}", word, at, at, [f"user:{draw(st.sampled_from(USERS))}", f"device:{browser}"], by="ops"))
        else:
            person = Person(email=draw(st.sampled_from(EMAILS))) if kind == "form" else None
            told.append(an_event(user or browser, type=PROFILE_UPDATED, channel="profile", person=person, **given_))  # type: ignore[arg-type]
    return told


acts = st.lists(st.tuples(st.sampled_from(("step", "step", "step", "checkpoint", "crash")), st.integers(0, 2)), max_size=40)


def play(log: IdentityLog, story: list[Event | IdentityClaim], played: list[Act]) -> None:
    """The story, a record now and then, while jobs take a few records, make checkpoints, and crash back to them."""
    names = (ENRICH, STITCH, SCORE)
    waiting = iter(story)
    for act, number in played:
        log.feed([record for record in [next(waiting, None)] if record is not None])
        job = log.jobs[names[number]]
        if act == "step":
            log.step(names[number], most=2)
        elif act == "checkpoint":
            job.checkpoint()
        else:
            job.crash()
    log.feed(waiting)
    log.run()


@SOME
@given(stories(), acts)
@example([], [])
def test_everything_is_remembered_once(story: list[Event | IdentityClaim], played: list[Act]):
    """Each page is in one lead's memory, whatever crashed between: as many as were published as engagements, each under one lead."""
    with a_log() as log:
        play(log, story, played)
        leads: dict[str, set[str]] = {}
        for event in log.values(Topic.EVENTS_ENRICHED):
            if event.channel == "web":
                leads.setdefault(event.event_id, set()).add(event.lead)
        remembered = sum(log.counts().values())

        assert all(1 == len(of_event) for of_event in leads.values())
        assert len(leads) == remembered


@SOME
@given(stories(), acts)
def test_what_crashes_leads_to_the_same_leads(story: list[Event | IdentityClaim], played: list[Act]):
    """Ids stand for the leads that the set of claims gives, in any order; and so they do when the whole log is read again."""
    with a_log() as log, a_log() as replayed:
        play(log, story, played)
        replayed.feed(story)
        replayed.run()
        graph = Stitcher(TENANT, {}, {})
        for claim in reversed(log.values(Topic.IDENTITIES_CLAIMED)):
            graph.take(claim)
        expected = {name: graph.lead_of(name) for name in (*BROWSERS, *USERS)}

        assert expected == {name: log.lead_of(name) for name in expected}
        assert expected == {name: replayed.lead_of(name) for name in expected}


@SOME
@given(stories(), acts)
def test_every_score_and_every_handover_can_be_computed_again(story: list[Event | IdentityClaim], played: list[Act]):
    """From the enriched events alone: each lead's stream holds what it took from others."""
    with a_log() as log:
        play(log, story, played)
        recomputed = Recomputed({})
        again = {(b.key, b.event_id, b.sequence): b.digest for b in recomputed.bases(log.values(Topic.EVENTS_ENRICHED))}
        scores = log.values(Topic.SCORES_PUBLISHED)

        assert [score.feature_digest for score in scores] == [again.get((f"{s.tenant}|{s.lead}", s.event_id, s.sequence)) for s in scores]
        assert 0 == recomputed.other_handovers
        assert [] == log.values(Topic.RECORDS_DEAD)


@SOME
@given(stories(), acts)
def test_sequences_have_no_gap_and_no_event_two(story: list[Event | IdentityClaim], played: list[Act]):
    """Each lead's events are numbered from 1; what is published again has the number that it had."""
    with a_log() as log:
        play(log, story, played)
        numbers: dict[str, dict[int, str]] = {}
        for event in log.values(Topic.EVENTS_ENRICHED):
            of_lead = numbers.setdefault(event.lead, {})
            assert of_lead.setdefault(event.sequence, event.event_id) == event.event_id

        assert all(list(range(1, len(of_lead) + 1)) == sorted(of_lead) for of_lead in numbers.values())
        assert all(1 == most for of_lead in numbers.values() for most in Counter(of_lead.values()).values())
