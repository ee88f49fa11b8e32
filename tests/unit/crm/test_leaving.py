"""A lead whose record is gone: pushes end, also over a restart, and begin again."""

import pytest

from tests.crm_world import World


@pytest.mark.parametrize("passed_ms", [0, 600, 1_200, 2_500])
def test_a_request_under_way_is_the_last_one(passed_ms: int):
    """Whenever the lead leaves: before its push is sent, while it is under way, after; with a restart behind it or none."""
    for restarts in (False, True):
        world = World(seed=7)
        for lead in ("ada", "bob"):
            world.score(lead, 0.2)
        world.pass_time(passed_ms)
        saved = world.checkpoint()
        world.delivery.leave("ada")
        if restarts:
            saved = world.checkpoint()
            world.restart_from(saved)
        world.pass_time(20_000)
        before = [score for score in world.writes if score.lead == "ada"]
        for lead in ("ada", "bob"):
            world.score(lead, 0.9)
        world.settle()

        assert before == [score for score in world.writes if score.lead == "ada"]
        assert 0.9 == world.shown["bob"].propensity
        assert {} == world.store.pending_by_lead


def test_a_lead_that_rejoins_is_pushed_to_its_new_record():
    """Once: a record that is known already is no news, nor is one of a lead that was never pushed."""
    world = World(seed=7)
    world.score("ada", 0.2)
    world.settle()
    world.delivery.leave("ada")
    latest = world.score("ada", 0.9)
    news = [world.delivery.rejoin(lead, "r-ada") for lead in ("ada", "ada", "bob")]
    world.delivery.offer(latest, world.now)
    world.settle()

    assert [True, False, False] == news
    assert latest == world.shown["ada"]
    assert not world.delivery.rejoin("ada", "r-ada")
    assert world.delivery.rejoin("ada", "r-of-a-merger")
