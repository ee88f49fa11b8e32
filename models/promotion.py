"""Whether a challenger may take the champion's place: enough leads, better beyond doubt, as well calibrated."""

import math
from typing import NamedTuple

import msgpack

from models.lead_values import LeadValues
from models.windowed import WindowedPrequential
from schemas.errors import FatalError
from schemas.example import MaturedExample

VERSION = 1
LEAST_LEADS = 200
LEAST_OF_EACH = 20
"""Leads that converted, and leads that did not, before anything is decided."""
MARGIN = 0.002
"""Nats of log loss by lead that a challenger must be better by: a change of models costs more than a tie is worth."""
ALPHA = 0.05
"""Chance that a challenger that is no better is ever promoted, however often it is looked at."""
TUNED_FOR = 500
"""Leads at which the confidence sequence is tightest."""
CALIBRATION_SLACK = 0.005
"""Calibration error by which a challenger may be worse: less is noise of the bins."""
CLIP = 1e-4
"""Propensities are held this far from 0 and 1, so that a single sure mistake of either decides nothing."""


class Verdict(NamedTuple):
    """How a duel stands: the mean difference of log loss by lead (challenger less champion) and its confidence sequence, in nats."""

    leads: int
    difference: float
    low: float
    high: float
    is_promotable: bool
    reason: str


class Duel:
    """A champion and one challenger that score the same events.

    The mean of the per-lead differences is held in a confidence sequence, which is right at all times at once: it may be looked at
    after every label, and stopped when it says so.

    Parameters
    ----------
    window_ms
        The attribution window: a prediction counts when it is over. None: when its outcome is known.

    References
    ----------
    [^1]: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences",
    Annals of Statistics 52(6), 2024.
    """

    def __init__(self, window_ms: int | None) -> None:
        self.champion, self.challenger = WindowedPrequential(window_ms), WindowedPrequential(window_ms)
        self._window_ms = window_ms
        self._leads = LeadValues()
        self._count, self._mean, self._squares = 0, 0.0, 0.0
        self._conversions = 0

    def learn(self, example: MaturedExample, challenger: float) -> None:
        """Take a point that both scored, by the predictions frozen when it came; it counts if it is final.

        Parameters
        ----------
        example
            With the champion's propensity.
        challenger
            The challenger's, 0 to 1.
        """
        now = example.matured_at
        if example.is_final:
            self.champion.take(example, clock=now)
            self.challenger.take(example._replace(propensity=challenger), clock=now)
            difference = _log_loss(challenger, example.is_converted) - _log_loss(example.propensity, example.is_converted)
            self._leads.add(example.lead, difference, is_converted=example.is_converted, at=example.window_end(self._window_ms))
        self.champion.advance(now)
        self.challenger.advance(now)
        for one in self._leads.close(now):
            self._count += 1
            step = one.value - self._mean
            self._mean += step / self._count
            self._squares += step * (one.value - self._mean)
            self._conversions += one.is_converted

    def verdict(self) -> Verdict:
        """How it stands now."""
        radius = confidence_radius(self._count, self._squares / self._count if self._count else 0.0)
        low, high = self._mean - radius, self._mean + radius
        reason = self._against(high)
        return Verdict(self._count, self._mean, low, high, reason is None, reason or "better, beyond doubt")

    def _against(self, high: float) -> str | None:
        if self._count < LEAST_LEADS:
            return f"{self._count} leads, {LEAST_LEADS} are needed"
        if min(self._conversions, self._count - self._conversions) < LEAST_OF_EACH:
            return f"{self._conversions} of {self._count} leads converted: {LEAST_OF_EACH} of both are needed"
        if not high < -MARGIN:
            return "not better by the margin beyond doubt"
        worse = self.challenger.counted.values()["ece"] - self.champion.counted.values()["ece"]
        return f"calibrated worse by {worse:.3f}" if worse > CALIBRATION_SLACK else None

    def to_bytes(self) -> bytes:
        """A version, then msgpack."""
        sums = [self._count, self._mean, self._squares, self._conversions]
        return bytes(msgpack.packb([VERSION, sums, self._leads.to_bytes(), self.champion.to_bytes(), self.challenger.to_bytes()]))

    @classmethod
    def from_bytes(cls, data: bytes, window_ms: int | None) -> "Duel":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, sums, leads, champion, challenger = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"duel of version {version}, this release reads {VERSION}")
        duel = cls(window_ms)
        duel._count, duel._mean, duel._squares, duel._conversions = sums
        duel._leads = LeadValues.from_bytes(leads)
        duel.champion = WindowedPrequential.from_bytes(champion, window_ms)
        duel.challenger = WindowedPrequential.from_bytes(challenger, window_ms)
        return duel


def confidence_radius(count: int, variance: float) -> float:
    """Half the width of the asymptotic confidence sequence (Robbins' normal mixture) after so many values; infinite before two.

    Examples
    --------
    >>> confidence_radius(1, 0.0)
    inf
    >>> round(confidence_radius(500, 1.0), 3)
    0.136
    """
    if count < 2:
        return math.inf
    tuned = (-2.0 * math.log(ALPHA) + math.log(-2.0 * math.log(ALPHA)) + 1.0) / TUNED_FOR
    spread = count * tuned + 1.0
    return math.sqrt(variance * 2.0 * spread / (count * count * tuned) * math.log(math.sqrt(spread) / ALPHA))


def _log_loss(propensity: float, is_converted: bool) -> float:
    held = min(max(propensity, CLIP), 1.0 - CLIP)
    return -math.log(held if is_converted else 1.0 - held)
