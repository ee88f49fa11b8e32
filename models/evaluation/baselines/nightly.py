"""LightGBM refitted by night: with the features of the moment, and with the scores of last night that a CRM would show."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.evaluation.points import NEVER, Points
from models.evaluation.run import Clock, Progress, Run, Stopwatch
from models.nightly.base import NightlyBase
from models.nightly.harvest import GROWTH, LEAST, LEAST_OF_EACH, Ripe
from models.nightly.training import train
from schemas.policy import DAY_MS

LIVE, LAST_NIGHT = "nightly, live", "nightly"


class Nightly(NamedTuple):
    """The two ways to use the same trees."""

    live: Run
    last_night: Run


def nightly(points: Points, prior: float, clock: Clock, progress: Progress) -> Nightly:
    """Refit at each midnight with 5 % more labels than the last time, score the day that follows.

    Parameters
    ----------
    points
        In order of time.
    prior
        Said before there are trees.
    clock, progress
        As in `run`.
    """
    n = len(points)
    by_known = np.argsort(points.known_at, kind="stable")
    known = points.known_at[by_known]
    days = points.as_of // DAY_MS
    before = _last_before_midnight(points)
    live, last_night = np.full(n, prior), np.full(n, prior)
    scoring, learning = Stopwatch(clock), Stopwatch(clock)
    base: NightlyBase | None = None
    used = 0
    starts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), n], strict=True):
        midnight = int(days[start]) * DAY_MS
        ripe = int(np.searchsorted(known, midnight, "right"))
        if ripe >= max(LEAST, GROWTH * used) and _has_both(points.converted[by_known[:ripe]]):
            rows = by_known[:ripe]
            with learning:
                base = train(Ripe(points.vectors.take(rows), points.converted[rows], points.as_of[rows]), now=midnight).base
            used = ripe
        if base is not None:
            rows = np.arange(start, end)
            with scoring:
                live[rows] = base.propensities(points.vectors.take(rows))
            scoring.times += len(rows)
            last_night[rows] = _of_last_night(base, points, before[rows], float(points.converted[by_known[:ripe]].mean()))
        progress(LIVE, end, n)
    learning.times = int((points.known_at < NEVER).sum())
    each = scoring.us_each(), learning.us_each()
    return Nightly(
        live=Run(LIVE, live, *each, "refitted by night, features of the moment: no CRM has that"),
        last_night=Run(LAST_NIGHT, last_night, *each, "refitted by night, scores of last night; the base rate for leads of today"),
    )


def _has_both(converted: npt.NDArray[np.bool_]) -> bool:
    return bool(min(converted.sum(), (~converted).sum()) >= LEAST_OF_EACH)


def _of_last_night(base: NightlyBase, points: Points, before: npt.NDArray[np.int64], rate: float) -> npt.NDArray[np.float64]:
    said = np.full(len(before), rate)
    met = before >= 0
    said[met] = base.propensities(points.vectors.take(before[met]))
    return said


def _last_before_midnight(points: Points) -> npt.NDArray[np.int64]:
    """For each point, its lead's last point of an earlier day; -1: none."""
    days = (points.as_of // DAY_MS).tolist()
    latest: dict[int, tuple[int, int]] = {}  # lead → its last point, and the last of an earlier day
    before = []
    for i, lead in enumerate(points.leads.tolist()):
        last, earlier = latest.get(lead, (-1, -1))
        if last >= 0 and days[last] < days[i]:
            earlier = last
        latest[lead] = (i, earlier)
        before.append(earlier)
    return np.array(before, np.int64)
