"""How long changed grades were on their way to a CRM, those that met a restart of the job told apart."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

QUOTA_MS = 10_000
"""A job that was killed sends nothing for so long after it runs again: that belongs to its restart."""


class Write(NamedTuple):
    """What a contact was made to show, and when (ms since 1970)."""

    revision: str
    grade: str
    at: int


class Change(NamedTuple):
    """A changed grade on its way: since when the contact did not show it, and until when, in ms; and whether it is the better one."""

    since: int
    until: int
    is_rise: bool

    @property
    def seconds(self) -> float:
        """How long it was on its way."""
        return (self.until - self.since) / 1_000


class Restart(NamedTuple):
    """When the job was killed, and when it ran again, in ms."""

    killed_at: int
    ran_at: int


def changes(published: Sequence[tuple[int, str]], writes: Sequence[Write]) -> Iterator[Change]:
    """Each write of another grade than the one before it, from the first score since which the contact's grade was not the lead's.

    Examples
    --------
    >>> scores, written = [(0, "B1"), (10, "A1"), (20, "B1"), (30, "A1"), (40, "A2")], [Write("1", "B1", 5), Write("5", "A2", 50)]
    >>> list(changes(scores, written))
    [Change(since=30, until=50, is_rise=True)]
    """
    for before, after in pairwise(writes):
        if before.grade == after.grade:
            continue
        since = None
        for at, grade in published:
            if at > after.at:
                break
            if grade == before.grade:
                since = None
            elif since is None:
                since = at
        if since is not None:
            yield Change(since, after.at, is_rise=after.grade < before.grade)  # as text, A1 comes before D3


def apart(changes: Sequence[Change], restarts: Sequence[Restart]) -> tuple[list[float], list[float]]:
    """Delays in seconds, rising: of changes that met no restart, and of those that did, from the kill until the quota of before is over."""
    undisturbed: list[float] = []
    disturbed: list[float] = []
    for change in changes:
        meets = any(change.since < restart.ran_at + QUOTA_MS and restart.killed_at < change.until for restart in restarts)
        (disturbed if meets else undisturbed).append(change.seconds)
    return sorted(undisturbed), sorted(disturbed)


def told(changes: Sequence[Change], restarts: Sequence[Restart]) -> Iterator[str]:
    """A line for each kind, and for all; of all, those for the better and for the worse apart."""
    took = ", ".join(f"{(restart.ran_at - restart.killed_at) / 1_000:.0f} s" for restart in restarts)
    undisturbed, disturbed = apart(changes, restarts)
    for name, delays in (
        ("without a restart", undisturbed),
        (f"around restarts ({took})", disturbed),
        ("at all", sorted(undisturbed + disturbed)),
        ("for the better", sorted(change.seconds for change in changes if change.is_rise)),
        ("for the worse", sorted(change.seconds for change in changes if not change.is_rise)),
    ):
        yield (
            f"a changed grade is in the CRM after, {name}: median {median(delays or [0.0]):.1f} s, p95 {_at(delays, 0.95):.1f} s ({len(delays):,})"
        )


def _at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0
