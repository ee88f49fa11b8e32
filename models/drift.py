"""An alarm when predictions have become worse: drift on the loss, not only on what comes in."""

from typing import NamedTuple

import msgpack
from river import drift

from models.lead_values import LeadValues
from schemas.errors import FatalError
from schemas.example import MaturedExample

VERSION = 1
DELTA = 0.002
"""Confidence of each test that ADWIN makes, as its authors set it."""
WINDOW = 4_000
"""Leads looked back on; beyond it the older half is forgotten, so that the state has a bound."""


class Drift(NamedTuple):
    """The mean squared error by lead was `before` and is `after`; seen at `at`, event time in ms. Worse if it has risen."""

    at: int
    before: float
    after: float

    @property
    def is_worse(self) -> bool:
        """Whether to be alarmed: a change for the better is none."""
        return self.after > self.before


class DriftAlarm:
    """ADWIN on one value for each lead: the squared error of the predictions frozen at scoring time.

    Frozen, because the first label of a lead teaches a learner the answer to the rest. The squared error lies in [0, 1], as ADWIN's
    bound wants it. The state is the values themselves, and ADWIN is fed again from them: River's has no encoding of its own.

    Parameters
    ----------
    window_ms
        The attribution window: a prediction counts when it is over. None: when its outcome is known.

    References
    ----------
    [^1]: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007.
    """

    def __init__(self, window_ms: int | None) -> None:
        self._window_ms = window_ms
        self._leads = LeadValues()
        self._values: list[float] = []
        self._adwin = drift.ADWIN(delta=DELTA)

    def learn(self, example: MaturedExample) -> list[Drift]:
        """Take an example into account if it is final; gives the drifts that this shows, at the end of a day."""
        if example.is_final:
            error = (example.propensity - example.is_converted) ** 2
            self._leads.add(example.lead, error, is_converted=example.is_converted, at=example.window_end(self._window_ms))
        return [seen for one in self._leads.close(example.matured_at) if (seen := self._feed(one.value, one.at)) is not None]

    def _feed(self, value: float, at: int) -> Drift | None:
        before = self._adwin.estimation
        self._adwin.update(value)
        self._values.append(value)
        seen = None
        if self._adwin.drift_detected:
            seen = Drift(at, before, self._adwin.estimation)
            self._start_again(round(self._adwin.width))
        elif len(self._values) > WINDOW:
            self._start_again(WINDOW // 2)
        return seen

    def _start_again(self, kept: int) -> None:
        self._values = self._values[-kept:]
        self._adwin = drift.ADWIN(delta=DELTA)
        for value in self._values:
            self._adwin.update(value)

    def to_bytes(self) -> bytes:
        """A version, then msgpack."""
        return bytes(msgpack.packb([VERSION, self._leads.to_bytes(), self._values]))

    @classmethod
    def from_bytes(cls, data: bytes, window_ms: int | None) -> "DriftAlarm":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, leads, values = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"drift alarm of version {version}, this release reads {VERSION}")
        alarm = cls(window_ms)
        alarm._leads = LeadValues.from_bytes(leads)
        alarm._values = values
        alarm._start_again(max(len(values), 1))
        return alarm
