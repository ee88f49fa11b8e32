"""Champion and challengers: one value by lead, the guarded rule, the way back."""

from collections.abc import Callable, Iterator

import msgpack
import numpy as np
import pytest

from models.drift import DriftAlarm
from models.lead_values import LeadValues
from models.promotion import ALPHA, LEAST_LEADS, Duel, confidence_radius
from models.standing import HISTORY, Change, Standing
from schemas.errors import FatalError, SkippableError
from schemas.example import MaturedExample
from schemas.ids import Millis
from schemas.policy import DAY_MS
from tests.builders import MONDAY, TUESDAY, WEDNESDAY, later
from tests.unit.nightly.grown import an_example


def a_point(lead: str, propensity: float, *, is_converted: bool, at: Millis, is_final: bool = True) -> MaturedExample:
    return an_example(at=at, is_converted=is_converted, is_final=is_final)._replace(lead=lead, propensity=propensity)


def test_a_lead_speaks_once():
    """The mean of its first day, told when that day is over; what it says later is left out."""
    values = LeadValues()
    for lead, value, at in (("ada", 1.0, MONDAY), ("ada", 3.0, later(MONDAY, hours=1)), ("ada", 9.0, TUESDAY), ("bob", 5.0, TUESDAY)):
        values.add(lead, value, is_converted=lead == "bob", at=at)

    assert [[], [(2.0, False)], [(5.0, True)], []] == [
        [(one.value, one.is_converted) for one in values.close(now)] for now in (MONDAY, TUESDAY, WEDNESDAY, later(WEDNESDAY, days=9))
    ]


def test_the_order_of_leads_and_days_does_not_matter():
    """They are told by day, then by name."""
    one, other = LeadValues(), LeadValues()
    said = [("ada", MONDAY), ("bob", TUESDAY), ("eve", MONDAY), ("bob", MONDAY)]
    for values, order in ((one, said), (other, said[::-1])):
        for lead, at in order:
            values.add(lead, float(at % 7), is_converted=False, at=at)

    assert one.close(WEDNESDAY) == other.close(WEDNESDAY)


def test_what_comes_after_its_day_counts_on_the_next():
    """Nothing is lost, and no day is told twice."""
    values = LeadValues()
    values.close(TUESDAY)
    values.add("ada", 1.0, is_converted=False, at=MONDAY)

    assert ([], 1) == (values.close(TUESDAY), len(values.close(WEDNESDAY)))


def test_conversions_wait_for_the_silence_of_their_day():
    """A window of three days: a conversion that is known at once is no alarm of its own."""
    alarm = DriftAlarm(3 * DAY_MS)
    early = a_point("ada", 0.2, is_converted=True, at=MONDAY)
    states = [alarm.learn(early), alarm.learn(a_point("bob", 0.2, is_converted=False, at=TUESDAY))]

    assert ([[], []], 0) == (states, len(alarm._values))


def errors(rate_before: float, rate_after: float, leads: int, change: int) -> Iterator[MaturedExample]:
    """Predictions of .2 for leads that convert at one rate, then at another; 100 leads a day."""
    rng = np.random.default_rng(1)
    for i in range(leads):
        rate = rate_before if i < change else rate_after
        yield a_point(f"lead {i}", 0.2, is_converted=bool(rng.random() < rate), at=later(MONDAY, days=i // 100))


def test_an_alarm_comes_when_predictions_become_worse():
    """Once, after the change and not before."""
    alarm = DriftAlarm(None)
    seen = [(i, drift) for i, example in enumerate(errors(0.2, 0.7, 3_000, 1_500)) for drift in alarm.learn(example)]

    assert seen
    assert all(1_500 < i and drift.is_worse for i, drift in seen)


def test_no_alarm_comes_where_nothing_changes():
    """Ten thousand leads, no false alarm."""
    alarm = DriftAlarm(None)

    assert [] == [drift for example in errors(0.2, 0.2, 10_000, 0) for drift in alarm.learn(example)]


def test_a_hundred_points_of_one_lead_are_no_drift():
    """They are one value, however wrong."""
    alarm = DriftAlarm(None)
    for example in errors(0.2, 0.2, 1_000, 0):
        alarm.learn(example)
    after = later(MONDAY, days=20)
    wrong = [a_point("talker", 0.0, is_converted=True, at=after)] * 500

    assert [] == [drift for example in [*wrong, a_point("next", 0.2, is_converted=False, at=later(after, days=1))] for drift in alarm.learn(example)]


def test_labels_that_are_not_final_say_nothing_yet():
    """An interval that was survived is no outcome."""
    alarm = DriftAlarm(None)
    for at in (MONDAY, TUESDAY, WEDNESDAY):
        alarm.learn(a_point("ada", 0.9, is_converted=False, at=at, is_final=False))

    assert [] == alarm._values


def test_an_alarm_goes_on_from_its_bytes():
    """The same drifts at the same examples, wherever it was stored in between."""
    examples = list(errors(0.2, 0.7, 3_000, 1_500))
    one, other, seen = DriftAlarm(None), DriftAlarm(None), ([], [])
    for i, example in enumerate(examples):
        if i % 700 == 350:
            other = DriftAlarm.from_bytes(other.to_bytes(), None)
        seen[0].extend(one.learn(example))
        seen[1].extend(other.learn(example))

    assert seen[0] == seen[1] != []


def fought(champion_noise: float, challenger_noise: float, leads: int) -> Duel:
    """Two models whose logits are the truth and noise."""
    rng = np.random.default_rng(1)
    duel = Duel(None)
    for i in range(leads):
        truth = rng.normal(-1.0, 1.5)
        label = bool(rng.random() < 1 / (1 + np.exp(-truth)))
        said = [float(1 / (1 + np.exp(-(truth + rng.normal(0, noise))))) for noise in (champion_noise, challenger_noise)]
        for _ in range(1 + i % 4):
            duel.learn(a_point(f"lead {i}", said[0], is_converted=label, at=later(MONDAY, days=i // 50)), said[1])
    return duel


@pytest.mark.parametrize(
    ("duel", "reason"),
    [
        (fought(1.5, 0.1, 3_000), "better, beyond doubt"),
        (fought(1.5, 0.1, LEAST_LEADS // 2), "200 are needed"),
        (fought(0.5, 0.5, 3_000), "not better"),
        (fought(0.1, 1.5, 3_000), "not better"),
        (Duel(None), "0 leads"),
    ],
)
def test_only_a_challenger_that_is_better_beyond_doubt_is_promotable(duel: Duel, reason: str):
    """Enough leads, the margin, and no worse calibration; the reason is said."""
    verdict = duel.verdict()

    assert verdict.is_promotable == (reason == "better, beyond doubt")
    assert reason in verdict.reason


def test_a_better_challenger_that_is_not_calibrated_waits():
    """It tells leads apart where the champion cannot, but its 60 % are 50 %."""
    rng = np.random.default_rng(1)
    duel = Duel(None)
    for i in range(3_000):
        truth = rng.choice([0.1, 0.5])
        duel.learn(a_point(f"lead {i}", 0.3, is_converted=bool(rng.random() < truth), at=later(MONDAY, days=i // 50)), truth + 0.1)

    assert duel.verdict().high < 0
    assert not duel.verdict().is_promotable
    assert "calibrated worse" in duel.verdict().reason


def test_a_tenant_with_only_negatives_promotes_nobody():
    """Whatever the losses say: there is nothing to rank."""
    duel = Duel(None)
    for i in range(1_000):
        duel.learn(a_point(f"lead {i}", 0.5, is_converted=False, at=later(MONDAY, days=i // 50)), 0.01)

    assert (False, "0 of 950 leads converted: 20 of both are needed") == (duel.verdict().is_promotable, duel.verdict().reason)


def test_a_duel_goes_on_from_its_bytes():
    """The same verdict."""
    duel = fought(1.0, 0.5, 600)

    assert duel.verdict() == Duel.from_bytes(duel.to_bytes(), None).verdict()
    assert duel.to_bytes() == Duel.from_bytes(duel.to_bytes(), None).to_bytes()


def test_looking_after_every_lead_does_not_make_chance_a_winner():
    """Of 300 streams of differences around zero, looked at all the time, at most one in twenty ever leaves its sequence."""
    rng = np.random.default_rng(1)
    counts = np.arange(1, 3_001)
    left = 0
    for _ in range(300):
        values = rng.standard_t(6, 3_000)
        means = np.cumsum(values) / counts
        variances = np.maximum(np.cumsum(values**2) / counts - means**2, 0.0)
        looked = range(LEAST_LEADS, 3_000, 20)
        left += any(abs(means[i]) > confidence_radius(i + 1, float(variances[i])) for i in looked)

    assert left / 300 <= ALPHA


def test_one_step_back_is_the_champion_before():
    """By rule, by hand, and back again."""
    first = Standing((Change("prox", "start", MONDAY),))
    second = first.promoted("nightly", by="rule", at=TUESDAY)

    assert ("nightly", "prox") == (second.champion, second.rolled_back().champion)
    assert second == second.promoted("nightly", by="eve", at=WEDNESDAY)


def test_before_the_first_champion_there_is_none():
    """Nothing to go back to, and that is said."""
    with pytest.raises(SkippableError, match="prox"):
        Standing((Change("prox", "start", MONDAY),)).rolled_back()


def test_the_history_is_bounded():
    """However often people change their minds."""
    standing = Standing((Change("0", "start", MONDAY),))
    for i in range(100):
        standing = standing.promoted(str(i + 1), by="eve", at=later(MONDAY, days=i))

    assert (HISTORY, "100") == (len(standing.changes), standing.champion)


def refused_states() -> list[tuple[Callable[[bytes], object], bytes]]:
    return [
        (LeadValues.from_bytes, LeadValues().to_bytes()),
        (lambda data: DriftAlarm.from_bytes(data, None), DriftAlarm(None).to_bytes()),
        (lambda data: Duel.from_bytes(data, None), Duel(None).to_bytes()),
    ]


@pytest.mark.parametrize(("read", "state"), refused_states())
def test_state_of_another_version_is_refused(read: Callable[[bytes], object], state: bytes):
    """A newer release's state is not guessed at."""
    with pytest.raises(FatalError, match="version 9"):
        read(msgpack.packb([9, *msgpack.unpackb(state)[1:]]))
