"""Visitors who log in, on a session cluster at parallelism 2 that is killed in mid-stream: each is one lead that remembers everything once."""

import secrets
from collections import defaultdict
from collections.abc import Iterator

import pytest

from infra.stack import Stack
from infra.stack.flink import FlinkCluster
from infra.verify import verify
from schemas.enriched import EnrichedEvent
from schemas.event import PROFILE_UPDATED, Event
from schemas.identity import LeadMoved
from schemas.score import LeadScore
from schemas.topics import Topic
from tests.builders import MONDAY, an_event, later, viewed_page
from tests.e2e.deployment import Deployment
from tests.e2e.waiting import until

pytestmark = pytest.mark.timeout(1_800)  # the first test waits for servers and jobs, on cores that others may use too

JOBS = ("enrich_events", "score_leads", "stitch_leads")
PEOPLE, PAGES = 60, 8


@pytest.fixture(scope="module")
def deployment(stack: Stack, flink_cluster: FlinkCluster) -> Iterator[Deployment]:
    flink_cluster.start()
    deployed = Deployment(stack, flink_cluster, f"t_stitch_leads_{secrets.token_hex(4)}")
    deployed.prepare(has_tables=False)
    deployed.submit(*JOBS, parallelism=2)
    yield deployed
    deployed.cancel()


def _pages(stage: int, *, with_name: bool) -> Iterator[Event]:
    """Of everybody, on a browser each; named by the user where he is logged in, and by the browser where the site forgot him."""
    for page in range(PAGES):
        for n in range(PEOPLE):
            at, user = later(MONDAY, hours=stage, seconds=page), f"user-{n}" if with_name and page % 2 else None
            yield viewed_page(user or f"b-{n}", at=at, anonymous_id=f"b-{n}", user_id=user, event_id=f"e-{stage}-{page}-{n}")


def _logins(stage: int) -> Iterator[Event]:
    for n in range(PEOPLE):
        login = {"anonymous_id": f"b-{n}", "user_id": f"user-{n}", "event_id": f"login-{stage}-{n}"}
        yield an_event(
            f"user-{n}", at=later(MONDAY, hours=stage, minutes=1), type=PROFILE_UPDATED, channel="profile", properties={"plan": "pro"}, **login
        )


def test_each_visitor_is_one_lead_whoever_was_killed(deployment: Deployment):
    """Moves and memories are published again after the failure, and count once; every score and every memory can be computed again."""
    deployment.feed(_pages(0, with_name=False))
    until(lambda: deployment.count(Topic.SCORES_PUBLISHED) > 0, "the first scores")
    with deployment.feeding([*_logins(1), *_pages(2, with_name=True)], per_second=40):
        until(lambda: deployment.count(Topic.LEADS_MOVED) > 0, "the first moves")
        deployment.kill_host_of(JOBS)
    deployment.feed(_pages(3, with_name=True))
    deployment.settle()
    leads: defaultdict[str, set[str]] = defaultdict(set)
    for event in deployment.read(Topic.EVENTS_ENRICHED, EnrichedEvent):
        if event.channel == "web":
            leads[event.event_id].add(event.lead)
    to = {moved.lead: moved.to for moved in deployment.read(Topic.LEADS_MOVED, LeadMoved)}
    latest = {score.lead: score for score in deployment.read(Topic.SCORES_PUBLISHED, LeadScore)}
    verdict = verify(deployment.kafka, deployment.codec, {})
    print(f"\n{verdict}")  # noqa: T201 - repeats are allowed, and reported

    assert {event.event_id for event in deployment.fed if event.channel == "web"} == leads.keys()  # type: ignore[union-attr]
    assert [] == [event_id for event_id, of_event in leads.items() if len(of_event) > 1]
    assert {f"b-{n}": f"user-{n}" for n in range(PEOPLE)} == to
    assert {f"user-{n}" for n in range(PEOPLE)} == {lead for lead, score in latest.items() if score.as_of >= later(MONDAY, hours=3)}
    assert verdict.is_sound
    assert 0 == deployment.count(Topic.RECORDS_DEAD)
