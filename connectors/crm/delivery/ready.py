"""Leads whose push is due, until a request takes them: those with a changed grade before all others."""

from collections.abc import Iterator
from itertools import chain

from connectors.crm.contract import Stage


class Ready:
    """By the stage of the next request; urgent ones first, and of either kind the one that has waited longest.

    The others wait only while there are urgent ones: a grade that keeps changing is pushed once in the tenant's interval, so they end.
    """

    def __init__(self) -> None:
        self._urgent: dict[Stage, dict[str, None]] = {stage: {} for stage in Stage}
        self._other: dict[Stage, dict[str, None]] = {stage: {} for stage in Stage}
        self._place: dict[str, dict[str, None]] = {}

    def put(self, lead: str, stage: Stage, *, is_urgent: bool) -> None:
        """The lead waits for a request of this stage; where it waited so before, it keeps its place."""
        place = (self._urgent if is_urgent else self._other)[stage]
        before = self._place.get(lead)
        if before is not place:
            self.drop(lead)
            place[lead] = None
            self._place[lead] = place

    def drop(self, lead: str) -> None:
        """The lead waits no more; nothing, if it did not."""
        place = self._place.pop(lead, None)
        if place is not None:
            del place[lead]

    def leads(self, stage: Stage) -> Iterator[str]:
        """Those that wait for this stage, in the order in which they are to be taken."""
        return chain(self._urgent[stage], self._other[stage])

    def count(self, stage: Stage) -> int:
        """How many wait for this stage."""
        return len(self._urgent[stage]) + len(self._other[stage])

    def __contains__(self, lead: str) -> bool:
        return lead in self._place

    def __len__(self) -> int:
        return len(self._place)
