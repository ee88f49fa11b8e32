"""The audit's own arithmetic: what would be missing if it were."""

from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import FRIDAY, MONDAY, arrived, later, lost, opened_email, viewed_page, won
from tests.e2e.recovery.labels import missing, undisturbed
from tests.lane import END, Lane, LaneLabel

MONTH = TenantPolicy()
ONCE = [
    viewed_page(at=MONDAY),
    viewed_page("bob", at=MONDAY),
    opened_email(at=later(MONDAY, hours=5)),
    won(at=later(MONDAY, days=2)),
    lost("bob", at=FRIDAY),
    viewed_page("eve", at=later(MONDAY, days=60)),
]
FED = [*ONCE[:2], ONCE[0], *ONCE[2:]]
"""One event was sent twice."""


def played() -> Lane:
    lane = Lane(policy=MONTH)
    lane.take(arrived(*ONCE))
    lane.advance(later(MONDAY, days=60))
    return lane


def test_an_undisturbed_run_misses_nothing():
    """Not even when everything was published twice."""
    assert [] == missing(FED, played().examples * 2, MONTH)


def test_every_lost_example_is_missed():
    """Each of its labels, by lead, sequence and interval; final ones among them."""
    examples = played().examples

    for number, lost_one in enumerate(examples):
        found = missing(FED, examples[:number] + examples[number + 1 :], MONTH)
        assert [(lost_one.sequence, lost_one.is_converted)] == sorted({(label.sequence, lost_one.is_converted) for label in found})
        assert lost_one.last_interval - lost_one.first_interval + 1 == len(found)


def test_another_label_is_no_substitute():
    """A conversion that was published as silence is missing."""
    examples = [example._replace(is_converted=False) for example in played().examples]

    assert [LaneLabel("acme|ada", 1, 1, is_converted=True), LaneLabel("acme|ada", 2, 1, is_converted=True)] == missing(FED, examples, MONTH)


def test_what_is_not_due_is_not_missed():
    """Nor what fell due within the last days, nor a conversion heard of at the last moment of its interval."""
    close = [viewed_page(at=MONDAY), won(at=later(MONDAY, hours=23.5)), viewed_page("eve", at=later(MONDAY, days=9))]

    assert [] == missing(FED[:3], [], MONTH)
    assert set() == undisturbed(close, MONTH, until=later(MONDAY, days=9))
    assert 1 == len(undisturbed([close[0], won(at=later(MONDAY, hours=9)), close[2]], MONTH, until=later(MONDAY, days=9)))


def test_leads_whose_points_are_a_sample_are_left_out():
    """Which of them are kept depends on when labels are taken."""
    busy = [viewed_page(at=later(MONDAY, minutes=n)) for n in range(65)]

    assert set() == undisturbed(busy, TenantPolicy(window_ms=DAY_MS), until=END)
