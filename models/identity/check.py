"""A crowd with known truth through the identity graph: how many are told apart, and whether a replay tells the same."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from models.identity.graph import IdentityGraph
from models.identity.known import Known
from models.identity.measure import Pairwise, pairwise
from models.identity.sighting import Sighting, sighting_of
from models.journeys.crowd import Truth, crowd
from schemas.ids import Millis
from schemas.pseudonym import pseudonym

TENANT = "simulated"
START = Millis(1_767_225_600_000)
_KEY = b"of no secret: the addresses are invented"
OnProgress = Callable[[str, int, int], None]
SHOWN_EVERY = 10_000
REPEATED = 10
"""The last tenth of the log is delivered twice."""


class Checked(NamedTuple):
    """What a check found.

    `tied_recall` is the recall of those pairs that anything in the log ties: a browser whose owner never identified on it is tied to nothing.
    `nobody` is the share of events of shared identifiers only; each counts as a record of its own. `digest` is of every identifier's
    knowledge, `replayed` the same after the log was run again from its beginning, `repeated` after its last tenth was delivered twice.
    """

    events: int
    people: int
    leads: int
    identifiers: int
    shared: int
    nobody: float
    pairwise: Pairwise
    tied_recall: float
    digest: str
    replayed: str
    repeated: str


def check(*, events: int, seed: int, on_progress: OnProgress = lambda *_: None) -> Checked:
    """Stitch a simulated crowd, measure it against its truth, and stitch it again."""

    def log(name: str) -> Iterator[Truth]:
        return _reported(crowd(tenant=TENANT, seed=seed, events=events, start=START), name, events, on_progress)

    store: dict[str, Known] = {}
    ties = _Ties()
    resolved, people = _stitched(log("stitch"), store, ties)
    graph = IdentityGraph(store)
    leads = [None if _is_shared(store, identifier) else graph.stands_for(identifier) for identifier in resolved]
    clusters = [n if lead is None else lead for n, lead in enumerate(leads)]
    again: dict[str, Known] = {}
    _stitched(log("replay"), again)
    replayed = _digest(again)
    # what followed the last checkpoint comes again after a failure
    _stitched(islice(log("repeat"), events - events // REPEATED, None), again)
    return Checked(
        events=events,
        people=len(set(people)),
        leads=len(set(leads) - {None}),
        identifiers=len(store),
        shared=sum(1 for known in store.values() if known.is_shared),
        nobody=leads.count(None) / events,
        pairwise=pairwise(zip(clusters, people, strict=True)),
        tied_recall=pairwise(zip(clusters, ties.found(), strict=True)).recall,
        digest=_digest(store),
        replayed=replayed,
        repeated=_digest(again),
    )


class _Ties:
    """What an event's own identifiers tie for its true person, every error and all sharing left aside: more no stitching could find."""

    def __init__(self) -> None:
        self._events: list[tuple[int, str]] = []
        self._up: dict[tuple[int, str], tuple[int, str]] = {}

    def add(self, seen: Sighting, person: int) -> None:
        """Tie the identifiers of one event."""
        first, *others = [(person, identifier) for identifier in (*seen.people, *seen.devices)]
        self._events.append(first)
        for other in others:
            self._up[self._top(other)] = self._top(first)

    def found(self) -> list[tuple[int, str]]:
        """For each event what it is tied to: the same for all that are tied together."""
        return [self._top(event) for event in self._events]

    def _top(self, one: tuple[int, str]) -> tuple[int, str]:
        while (up := self._up.get(one, one)) != one:
            one = self._up[one] = self._up.get(up, up)
        return one


def _stitched(truths: Iterable[Truth], store: dict[str, Known], ties: _Ties | None = None) -> tuple[list[str], list[int]]:
    """Observe each event as it comes; gives the identifier that says whose it is, as of then, and whose it truly is."""
    graph = IdentityGraph(store)
    resolved, people = [], []
    for event, person in truths:
        seen = sighting_of(event, _pseudonym)
        graph.observe(seen)
        if ties is not None:
            ties.add(seen, person)
        resolved.append(graph.resolve(seen).identifier)
        people.append(person)
    return resolved, people


def _is_shared(store: dict[str, Known], identifier: str) -> bool:
    known = store.get(identifier)
    return known is not None and known.is_shared


def _pseudonym(tenant: str, kind: str, normalised: str) -> str:
    return pseudonym(_KEY, tenant, kind, normalised)


def _digest(store: dict[str, Known]) -> str:
    whole = blake2b(digest_size=8)
    for identifier, known in sorted(store.items()):
        whole.update(identifier.encode() + known.to_bytes())
    return whole.hexdigest()


def _reported(truths: Iterator[Truth], name: str, total: int, on_progress: OnProgress) -> Iterator[Truth]:
    for done, truth in enumerate(truths, 1):
        if done % SHOWN_EVERY == 0 or done == total:
            on_progress(name, done, total)
        yield truth
