"""Laws of the delivery engine, in worlds where requests fail, are done unheard, and engines die."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.crm.contract import revision_of
from connectors.crm.delivery.pending import Pending, pending_from_bytes, pending_to_bytes, shown_from_bytes, shown_to_bytes
from connectors.crm.delivery.quota import RollingQuota
from connectors.crm.delivery.rules import MOVE, Shown, cause_of
from schemas.push import DELIVERED, REFUSED, SKIPPED
from tests.crm_world import LIMITS, RULES, World, most_within
from tests.results import a_score
from tests.strategies import lead_scores, names

LEADS = [f"lead-{number}" for number in range(12)]
seeds = st.integers(0, 2**32)


def _live(world: World, steps: int, *, kills: int = 0, leads: list[str] = LEADS) -> None:
    """Scores arrive, time passes, and the engine dies now and then: it goes on from its last checkpoint, and scores since are offered again."""
    saved, since = world.checkpoint(), []
    for step in range(steps):
        since.append(world.score(world.random.choice(leads), round(world.random.random(), 2)))
        world.pass_time(world.random.randrange(0, 1_500))
        if step % 7 == 0:
            saved, since = world.checkpoint(), []
        if kills and step % (steps // (kills + 1)) == steps // (kills + 1) - 1:
            world.restart_from(saved)
            for score in since:
                world.delivery.offer(score, world.now)


def _assert_shown_are_latest(world: World, leads: list[str] = LEADS) -> None:
    for lead in leads:
        latest = world.latest.get(lead)
        if latest is not None:
            shown = world.shown[lead]
            assert latest.grade == shown.grade
            assert abs(latest.propensity - shown.propensity) < RULES.material_move


def _assert_never_backwards(world: World) -> None:
    written: defaultdict[str, list[str]] = defaultdict(list)
    for score in world.writes:
        written[score.lead].append(revision_of(score))
    assert all(revisions == sorted(revisions) for revisions in written.values())


@settings(max_examples=40)
@given(seeds, st.sampled_from([0.0, 0.2, 0.6]))
def test_nothing_is_lost_and_nothing_goes_backwards(seed: int, trouble: float):
    """However requests fail: at the end the CRM shows each lead's latest decision, and no older score was ever written over a newer one."""
    world = World(seed, trouble=trouble)
    _live(world, 60)
    world.settle()

    assert {} == world.store.pending_by_lead
    _assert_shown_are_latest(world)
    _assert_never_backwards(world)


@settings(max_examples=40)
@given(seeds, st.sampled_from([0.0, 0.4]))
def test_an_engine_that_dies_loses_nothing_and_turns_nothing_back(seed: int, trouble: float):
    """Twice killed and begun again from a checkpoint, with scores offered again that the CRM has seen already."""
    world = World(seed, trouble=trouble)
    _live(world, 60, kills=2)
    world.settle()

    assert {} == world.store.pending_by_lead
    _assert_shown_are_latest(world)
    _assert_never_backwards(world)


@settings(max_examples=30)
@given(seeds, st.integers(0, 2))
def test_the_quota_is_never_exceeded(seed: int, kills: int):
    """By the vendor's own count, wherever between sending and answer a request meets it, engines that die included."""
    world = World(seed, trouble=0.3)
    _live(world, 60, kills=kills)
    world.settle()

    assert most_within(world.arrivals, LIMITS.burst_ms) <= LIMITS.burst


@settings(max_examples=30)
@given(seeds)
def test_scores_coalesce(seed: int):
    """Of scores that come faster than the minimum interval, one in an interval is written; a lead is in no batch twice."""
    world = World(seed)
    for _ in range(100):
        world.score("lead-0", round(world.random.random(), 2))
        world.pass_time(200)
    world.settle()

    assert len(world.writes) <= 1 + (100 * 200 + RULES.settle_ms) // RULES.min_interval_ms + 1
    _assert_shown_are_latest(world, ["lead-0"])


@settings(max_examples=20)
@given(seeds)
def test_one_bad_lead_does_not_hold_the_others_up(seed: int):
    """A lead that spoils its batch is found by halving, refused alone, and the others are written."""
    world = World(seed, poisoned=frozenset({"lead-3"}), absent=frozenset({"lead-5"}))
    for lead in LEADS:
        world.score(lead, 0.5)
    world.settle()

    outcomes = {one.report.lead: one.report.status for one in world.ended}
    assert {lead: {"lead-3": REFUSED, "lead-5": SKIPPED}.get(lead, DELIVERED) for lead in LEADS} == outcomes


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3_000)), max_size=200), st.integers(1, 20))
def test_a_rolling_quota_holds_by_anybodys_clock(requests: list[tuple[int, int]], limit: int):
    """Whether the vendor counts a request when it was sent or when it was answered."""
    quota, now, open_until, begun, over = RollingQuota(limit, 10_000), 0, [], [], []
    for pause, takes in requests:
        now += pause
        for end in sorted(end for end in open_until if end <= now):
            open_until.remove(end)
            quota.give_back(end)
        if quota.free(now):
            quota.take()
            begun.append(now)
            over.append(now + takes)
            open_until.append(now + takes)

    assert most_within(begun, 10_000) <= limit
    assert most_within(over, 10_000) <= limit


@given(lead_scores, st.integers(0, 9), st.booleans(), names)
def test_state_round_trips(score, attempts, is_doubtful, record):
    """A checkpoint holds what was pending and shown, to the bit; but for the company, of which no push speaks."""
    pending = Pending(score._replace(account_id=None), "grade", 1, 2, attempts, is_doubtful, record)
    shown = Shown(record, "r", score.grade, score.propensity, 7)

    kept = pending_to_bytes(pending._replace(score=score))
    assert (pending, shown) == (pending_from_bytes(kept), shown_from_bytes(shown_to_bytes(shown)))


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_what_is_shown_is_not_pushed_again(shown: float, now: float):
    """The same grade within the dead band is no cause, whichever way the propensity went; outside of it, it is."""
    cause = cause_of(a_score(propensity=now, grade="B2"), Shown("r", "1", "B2", shown, 0), RULES)

    assert ("" if abs(now - shown) < RULES.material_move else MOVE) == cause
