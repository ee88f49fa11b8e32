"""What a killed job did unheard."""

from schemas.push import DELIVERED
from tests.crm_world import RULES, World


def test_what_was_written_unheard_is_reported_all_the_same():
    """The job dies after a first push and before its checkpoint, and goes on with a later score that says the same: that one is reported."""
    world = World(seed=7)
    saved = world.checkpoint()
    first = world.score("ada", 0.2)
    world.pass_time(10_000)
    assert [first] == world.writes
    world.ended.clear()
    world.restart_from(saved)
    latest = world.score("ada", 0.21)
    world.settle()

    assert first.grade == latest.grade
    assert [(DELIVERED, latest.sequence)] == [(one.report.status, one.report.sequence) for one in world.ended]
    assert latest == world.shown["ada"]


def test_a_fall_that_a_killed_job_held_is_not_pushed_when_the_lead_is_back():
    """The CRM is asked what it shows, and that is right already."""
    world = _fallen()
    world.restart_from(world.checkpoint())
    world.pass_time(15_000)
    world.score("ada", 0.51)
    world.settle()

    assert {} == world.store.pending_by_lead
    assert [1] == [written.sequence for written in world.writes]


def test_what_a_killed_job_pushed_instead_of_a_fall_is_put_right():
    """It met a clear loss after its checkpoint; the lead is back since, and no score of between is read again."""
    world = _fallen()
    saved = world.checkpoint()
    lost = world.score("ada", 0.1)
    world.pass_time(5_000)
    assert lost == world.writes[-1]
    world.restart_from(saved)
    world.pass_time(15_000)
    latest = world.score("ada", 0.51)
    world.settle()

    assert latest == world.shown["ada"]
    assert [(DELIVERED, latest.sequence)] == [(one.report.status, one.report.sequence) for one in world.ended if one.report.sequence > lost.sequence]


def test_a_record_that_was_deleted_is_created_anew():
    """Not written to as if it were there: what only a creation says, like its address, would be missing."""
    world = World(seed=7, creates=True)
    world.score("ada", 0.2)
    world.settle()
    assert ["ada"] == world.created
    world.restart_from(world.checkpoint())
    del world.shown["ada"]
    world.score("ada", 0.9)
    world.settle()

    assert ["ada", "ada"] == world.created


def _fallen() -> World:
    """A world whose lead has just lost a grade and little else: it waits."""
    world = World(seed=7, rules=RULES._replace(clear_fall=0.1, fall_settle_ms=60_000))
    world.score("ada", 0.51)
    world.pass_time(10_000)
    world.score("ada", 0.49)
    world.pass_time(5_000)
    assert (1, ["ada"]) == (len(world.writes), list(world.store.pending_by_lead))
    return world
