"""Senders' clocks: read, corrected, and not believed when absurd."""

import math
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.ids import Millis

EARLIEST_MS = 946_684_800_000
"""2000-01-01: a clock that was never set."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01: beyond it, no stamp is kept."""
SECONDS_BELOW = 100_000_000_000
"""A number smaller than that counts seconds: as milliseconds it would lie before 1973."""


class Corrected(NamedTuple):
    """When an event occurred; whether the arrival stands in for an absurd stamp."""

    occurred_at: Millis
    is_clamped: bool


def instant_of(value: object) -> Millis | None:
    """A stamp as milliseconds; None for what is none, or lies outside of what a record can say.

    Texts are ISO 8601, in UTC where no offset is said; numbers, also as texts, are seconds or milliseconds since 1970.

    Examples
    --------
    >>> instant_of("2026-03-02T09:00:00Z"), instant_of("2026-03-02T10:00:00+01:00"), instant_of("1772442000000"), instant_of(1772442000)
    (1772442000000, 1772442000000, 1772442000000, 1772442000000)
    >>> instant_of("yesterday")
    """
    if value is None:  # as most stamps are
        return None
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
            ms = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000
        except (ValueError, OverflowError):
            return _of_number(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(value)
    else:
        return None
    return Millis(round(ms)) if -LATEST_MS < ms < LATEST_MS else None


def corrected(original_at: Millis | None, sent_at: Millis | None, received_at: Millis) -> Corrected:
    """When it occurred by our clock: `received_at - (sent_at - original_at)`.

    The sender's clock may be wrong, the time that passed on it is not. Without `sent_at` the stamp itself has to do. A result in the
    future or before the year 2000 is absurd: `received_at` stands in, so that one wrong clock does not move everyone's time.

    Examples
    --------
    >>> corrected(Millis(1_772_442_000_000), Millis(1_772_442_005_000), Millis(1_772_449_000_000))
    Corrected(occurred_at=1772448995000, is_clamped=False)
    """
    if original_at is None:
        return Corrected(received_at, False)
    at = original_at if sent_at is None else received_at - (sent_at - original_at)
    if EARLIEST_MS <= at <= received_at:
        return Corrected(Millis(at), False)
    return Corrected(received_at, True)


def _of_number(value: str | float) -> Millis | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    ms = number * 1_000 if abs(number) < SECONDS_BELOW else number
    return Millis(round(ms)) if -LATEST_MS < ms < LATEST_MS else None
