"""Predict first, learn when the label is known: the loop that all online baselines share."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from models.evaluation.points import Points
from models.evaluation.run import Clock, Progress, Run, Stopwatch


class Online(Protocol):
    """A model that scores points and learns one label at a time."""

    name: str
    note: str

    def score(self, points: Points, i: int) -> float:
        """The propensity of point i, before its label is known."""

    def learn(self, points: Points, i: int) -> None:
        """Learn the label of point i."""


class Turn(NamedTuple):
    """Labels to learn, in order, and then points `start` to `end` (exclusive) to score: no label becomes known between those."""

    labels: list[int]
    start: int
    end: int


def turns(points: Points) -> Iterator[Turn]:
    """Every point scored once, in order, after all labels known by its time, and no others.

    A label that is known at the very time of a later point is learned before it, but never before its own point.
    """
    by_known = np.argsort(points.known_at, kind="stable")
    known = points.known_at[by_known]
    n, start, learned = len(points), 0, 0
    while start < n:
        labels = []
        while learned < n and known[learned] <= points.as_of[start] and by_known[learned] < start:
            labels.append(int(by_known[learned]))
            learned += 1
        end = start + 1
        while end < n and (learned == n or known[learned] > points.as_of[end]):
            end += 1
        yield Turn(labels, start, end)
        start = end


def prequential(points: Points, model: Online, clock: Clock, progress: Progress) -> Run:
    """Run a model over the points."""
    propensities = np.empty(len(points))
    scoring, learning = Stopwatch(clock), Stopwatch(clock)
    for turn in turns(points):
        with learning:
            for i in turn.labels:
                model.learn(points, i)
        learning.times += len(turn.labels)
        with scoring:
            for i in range(turn.start, turn.end):
                propensities[i] = model.score(points, i)
        scoring.times += turn.end - turn.start
        progress(model.name, turn.end, len(points))
    return Run(model.name, propensities, scoring.us_each(), learning.us_each(), model.note)
