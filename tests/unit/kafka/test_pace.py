import pytest

from infra.pace import Pace, Pacer, parse_speed
from schemas.errors import ConfigError
from tests.builders import MONDAY, later


def delays(pace: Pace) -> list[float]:
    """How long three records, an hour apart, are waited for when no time passes."""
    pacer = Pacer(pace, clock=lambda: 100.0, sleep=lambda _: None)
    return [pacer.delay_s(i, later(MONDAY, hours=i)) for i in range(3)]


@pytest.mark.parametrize(
    ("pace", "expected"),
    [(Pace(), [0.0, 0.0, 0.0]), (Pace(per_second=4), [0.0, 0.25, 0.5]), (Pace(speed=3600), [0.0, 1.0, 2.0])],
    ids=["max", "rate", "speed"],
)
def test_a_record_is_due_as_the_pace_says(pace: Pace, expected: list[float]):
    """By count, by event time, or at once."""
    assert expected == delays(pace)


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("1000x", 1000.0), ("0.5x", 0.5), ("2", 2.0)])
def test_a_speed_is_a_factor_or_max(text: str, speed: float | None):
    """As people write it."""
    assert speed == parse_speed(text)


@pytest.mark.parametrize("text", ["", "fast", "-1x", "0", "infx", "nan"])
def test_a_speed_that_is_none_is_refused(text: str):
    """The error says what a speed looks like."""
    with pytest.raises(ConfigError, match="1000x"):
        parse_speed(text)
