"""Ids that prove to be one lead, through the jobs that tell so."""

from pathlib import Path

import pytest

from models import memory as m
from models.recompute import Recomputed
from schemas.event import LEAD_MOVED, PROFILE_UPDATED, Event, Person
from schemas.identity import APART, IdentityClaim
from schemas.ids import Millis
from schemas.topics import Topic
from tests.builders import FRIDAY, MONDAY, TENANT, TUESDAY, WEDNESDAY, an_event, later, viewed_page, won
from tests.identity_log import SCORE, IdentityLog


@pytest.fixture
def log(tmp_path: Path) -> IdentityLog:
    return IdentityLog(tmp_path)


def a_page(browser: str, *, at: Millis, user: str | None = None) -> Event:
    return viewed_page(user or browser, at=at, anonymous_id=browser, user_id=user, event_id=f"{browser}-{at}")


def a_login(browser: str, user: str, *, at: Millis, **traits: str | float) -> Event:
    return an_event(user, at=at, type=PROFILE_UPDATED, channel="profile", anonymous_id=browser, user_id=user, properties=traits)


def a_form(browser: str, email: str, *, at: Millis, **traits: str | float) -> Event:
    return an_event(
        browser, at=at, type=PROFILE_UPDATED, channel="profile", anonymous_id=browser, person=Person(email=email, original="{}"), properties=traits
    )


def told(log: IdentityLog) -> Recomputed:
    """Every score computed again from the enriched events alone."""
    recomputed = Recomputed({})
    again = {(basis.key, basis.event_id, basis.sequence): basis.digest for basis in recomputed.bases(log.values(Topic.EVENTS_ENRICHED))}
    scores = log.values(Topic.SCORES_PUBLISHED)

    assert [again[f"{one.tenant}|{one.lead}", one.event_id, one.sequence] for one in scores] == [one.feature_digest for one in scores]
    return recomputed


def test_what_a_visitor_did_is_remembered_of_the_user_who_logs_in(log: IdentityLog):
    """Pages before the login, the login, pages after it on the same browser: one lead, which remembers all of them once."""
    log.feed([a_page("b-1", at=MONDAY), a_page("b-1", at=later(MONDAY, minutes=1))])
    log.run()
    log.feed([a_login("b-1", "ada", at=TUESDAY), a_page("b-1", at=later(TUESDAY, minutes=1), user="ada"), a_page("b-1", at=WEDNESDAY)])
    log.run()
    log.feed([a_page("b-1", at=FRIDAY)])
    log.run()

    assert ("ada", {"ada": 5.0}, MONDAY) == (log.lead_of("b-1"), log.counts(), log.memory("ada").row[m.FIRST_AT])
    assert 0 == told(log).other_handovers
    assert [] == log.values(Topic.RECORDS_DEAD)


def test_a_form_names_its_person_and_its_traits_go_along(log: IdentityLog):
    """A form on a browser is kept under the address; when a user proves to have it, traits follow, each as of its time."""
    log.feed([a_form("b-1", "Ada@lovelace.example", at=TUESDAY, plan="pro", employees=4.0)])
    log.run()
    log.feed([a_login("b-2", "ada", at=MONDAY, plan="free")._replace(person=Person(email="ada@lovelace.example"))])
    log.run()
    log.feed([a_page("b-2", at=WEDNESDAY, user="ada")])
    log.run()
    page = log.values(Topic.EVENTS_ENRICHED)[-1]

    assert ("ada", {"plan": "pro"}, {"employees": 4.0}) == (page.lead, page.profile_texts, page.profile_numbers)
    assert {"ada"} == {log.lead_of(name) for name in ("b-1", "b-2")}


def test_a_lead_that_was_never_scored_takes_over_the_score(log: IdentityLog):
    """A visitor's story becomes a user's who has done nothing yet: the user has a score at once, by the visitor's latest page."""
    log.feed([a_page("b-1", at=MONDAY), a_page("b-1", at=TUESDAY)])
    log.run()
    before = log.values(Topic.SCORES_PUBLISHED)[-1]
    log.feed([a_login("b-1", "ada", at=WEDNESDAY)])
    log.run()
    [after] = [score for score in log.values(Topic.SCORES_PUBLISHED) if score.lead == "ada"]

    assert (before.event_id, before.propensity, before.as_of, before.feature_digest) == (
        after.event_id,
        after.propensity,
        after.as_of,
        after.feature_digest,
    )
    told(log)


def test_an_outcome_of_an_old_id_closes_the_lead(log: IdentityLog):
    """Whether the CRM knew the old id before the move or uses it afterwards."""
    log.feed([a_page("b-1", at=MONDAY), won("b-1", at=FRIDAY)])
    log.run()
    log.feed([a_login("b-1", "ada", at=TUESDAY), a_page("b-2", at=TUESDAY)])
    log.run()
    log.feed([a_login("b-2", "bob", at=TUESDAY)])
    log.run()
    log.feed([won("b-2", at=FRIDAY)])
    log.run()

    assert [FRIDAY, FRIDAY] == [log.memory(lead).row[m.OUTCOME_AT] for lead in ("ada", "bob")]
    assert [(FRIDAY, 1)] * 2 == [(point.outcome_at, point.is_won) for lead in ("ada", "bob") for point in log.memory(lead).pending]


def test_labels_are_of_the_prediction_that_was_published(log: IdentityLog):
    """A point that moved matures under the lead and the sequence that its score was published with."""
    log.feed([a_page("b-1", at=MONDAY), a_page("b-2", at=MONDAY, user="ada")])
    log.run()
    log.feed([a_login("b-1", "ada", at=TUESDAY)])
    log.run()
    harness = log.jobs[SCORE].harness
    harness.backend.watermark = MONDAY
    harness.wait()
    matured = [*harness.advance(later(FRIDAY, days=60)), *harness.wait()]
    final = {(one.value.lead, one.value.sequence) for one in matured if one.topic == Topic.EXAMPLES_MATURED.value}

    assert {(score.lead, score.sequence) for score in log.values(Topic.SCORES_PUBLISHED)} == final


def test_an_operator_undoes_a_merge(log: IdentityLog):
    """The browser is its own lead again, with what it did before; the user is without it; and both go on."""
    log.feed([a_page("b-1", at=MONDAY), a_page("b-2", at=MONDAY, user="ada")])
    log.run()
    log.feed([a_login("b-1", "ada", at=TUESDAY)])
    log.run()
    merged = log.counts()
    apart = IdentityClaim(TENANT, "c-1", APART, WEDNESDAY, WEDNESDAY, ["user:ada", "device:b-1"], by="ops")
    log.feed([apart])
    log.run()
    log.feed([a_page("b-1", at=FRIDAY)])
    log.run()

    assert ({"ada": 2.0}, {"ada": 1.0, "b-1": 2.0}) == (merged, log.counts())
    assert 0 == told(log).other_handovers


def test_what_comes_from_a_device_of_many_is_kept_and_not_scored(log: IdentityLog):
    """A kiosk's pages are nobody's once it is known for one, and remembered of nobody."""
    log.feed([a_login("kiosk", f"user-{n}", at=later(MONDAY, minutes=n)) for n in range(6)])
    log.run()
    log.feed([a_page("kiosk", at=TUESDAY)])
    log.run()

    assert ("observation", {}) == (log.values(Topic.EVENTS_ENRICHED)[-1].channel, log.counts())


@pytest.mark.parametrize("lead", ["null", "undefined"])
def test_a_broken_clients_placeholder_is_nobody(lead: str, log: IdentityLog):
    """Its events are the browser's where they name one, and else kept unscored."""
    log.feed([a_page("b-1", at=MONDAY, user=lead), viewed_page(lead, at=TUESDAY)])
    log.run()

    assert {"b-1": 1.0} == log.counts()


def test_an_event_without_news_claims_nothing(log: IdentityLog):
    """Two claims for a pair, however often it is seen: the graph keeps its two earliest instants."""
    log.feed(a_page("b-1", at=later(MONDAY, minutes=n), user="ada") for n in range(50))
    log.run()

    assert 2 == len(log.values(Topic.IDENTITIES_CLAIMED))


def test_an_event_that_came_twice_counts_once_whenever_its_repeat_comes(log: IdentityLog):
    """Before the move, behind it, or on both sides of it."""
    pages = [a_page("b-1", at=later(MONDAY, minutes=n)) for n in range(3)]
    log.feed([*pages, pages[0]])
    log.run()
    log.feed([a_login("b-1", "ada", at=TUESDAY)])
    log.run()
    late = a_page("b-1", at=later(MONDAY, minutes=9))
    log.feed([pages[1], late, late])
    log.run()

    assert {"ada": 4.0} == log.counts()


def test_a_forged_move_harms_nothing_but_its_own_tenant(log: IdentityLog):
    """What is no move of ours is a dead letter; an event of ids that are made to stand for each other ends where it came round."""
    circle = [
        an_event(
            lead,
            type=LEAD_MOVED,
            channel="observation",
            properties={"to": to, "before": lead, "memory_from": "", "number": 1.0, "is_nobody": 0.0},
        )
        for lead, to in (("x", "y"), ("y", "x"))
    ]
    log.feed([an_event("z", type=LEAD_MOVED, channel="observation"), *circle])
    log.feed([an_event("z", type="memory_moved", channel="observation", properties={"from": "x", "number": 1.0, "is_returned": 0.0, "memory": "?"})])
    log.run()
    log.feed([viewed_page("x", at=TUESDAY)])
    log.run()

    assert 2 == len(log.values(Topic.RECORDS_DEAD))
    assert {} == log.counts()
