"""What a killed job did unheard."""

from schemas.push import DELIVERED
from tests.crm_world import World


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
