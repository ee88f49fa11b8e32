"""Claims → moves: which ids stand for other leads now, and where what they did is remembered."""

from collections.abc import Iterable, MutableMapping
from typing import NamedTuple

import msgpack

from models.identity.claims import parting_in, sighting_in
from models.identity.graph import IdentityGraph
from models.identity.kinds import DEVICE, DEVICES, EMAIL, KIND_SEPARATOR, LEAD, USER, is_known_kind, kind_of, lead_named_by, node
from models.identity.known import Known
from schemas.errors import FatalError
from schemas.identity import SEEN, IdentityClaim, LeadMoved

VERSION = 1


class Standing(NamedTuple):
    """What was last told of an id: the lead that it stands for, whether it is nobody's, how often it moved, and under which id its memory went."""

    lead: str
    is_nobody: bool
    number: int
    holder: str

    def to_bytes(self) -> bytes:
        """A version, then msgpack."""
        return bytes(msgpack.packb([VERSION, *self]))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Standing":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, *fields = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"standing of an id of version {version}, this release reads {VERSION}")
        return cls(*fields)


class Stitcher:
    """One tenant's graph, and what was told of it.

    Parameters
    ----------
    tenant
        Whose.
    store
        Identifier → what is known of it.
    standings
        Id of a lead → what was last told of it; ids that never moved have none.
    """

    def __init__(self, tenant: str, store: MutableMapping[str, Known], standings: MutableMapping[str, Standing]) -> None:
        self._tenant = tenant
        self._store = store
        self._standings = standings
        self._graph = IdentityGraph(store)

    def take(self, claim: IdentityClaim) -> list[LeadMoved]:
        """Learn what is claimed; gives the ids that stand for another lead by it, or became nobody's or somebody's."""
        if claim.kind == SEEN:
            seen = sighting_in(claim)
            moved = self._graph.observe(seen)
            concerned = {*seen.people, *seen.devices, *(seen.alias or ())}
        else:
            moved = self._graph.part(claim.people[0], claim.people[1], parting_in(claim))
            concerned = set(claim.people[:2])
        concerned.update(one.identifier for one in moved)
        concerned |= self._met_with(concerned, DEVICES)
        # an address that was seen once stands for whoever its device is: so it moves where the device does
        concerned |= self._met_with((one for one in concerned if kind_of(one) in DEVICES), frozenset({EMAIL}))
        ids = {lead_named_by(identifier) for identifier in concerned}
        return [told for name in sorted(ids) if (told := self._told(name, claim)) is not None]

    def lead_of(self, name: str) -> str:
        """The lead that an id stands for."""
        return self._graph.stands_for(self._identifier_of(name))

    def _met_with(self, identifiers: Iterable[str], kinds: frozenset[str]) -> set[str]:
        """What of these kinds these were seen with: whether a device is somebody's depends on whether those who identified there are one."""
        known = [self._store.get(identifier) for identifier in identifiers]
        return {other for one in known if one is not None for other in one.seen_with if kind_of(other) in kinds}

    def _told(self, name: str, claim: IdentityClaim) -> LeadMoved | None:
        before = self._standings.get(name) or Standing(name, is_nobody=False, number=0, holder=name)
        lead, is_nobody = self.lead_of(name), self._graph.is_nobodys(self._identifier_of(name))
        if (lead, is_nobody) == before[:2]:
            return None
        memory_from, holder = self._memory(name, lead, before.holder)
        self._standings[name] = Standing(lead, is_nobody, before.number + 1, holder)
        return LeadMoved(
            tenant=self._tenant,
            lead=name,
            before=before.lead,
            to=lead,
            number=before.number + 1,
            memory_from=memory_from,
            is_nobody=is_nobody,
            occurred_at=claim.occurred_at,
            received_at=claim.received_at,
        )

    def _memory(self, name: str, lead: str, holder: str) -> tuple[str, str]:
        """From where the id's memory is to be taken, if from anywhere, and under which id it is from now on.

        It goes to the lead when the id first moves, and then along with the id that holds it; it is taken back where the two part.
        """
        if holder == name:
            return ("", name) if lead == name else (name, lead)
        if lead == name:
            return holder, name
        if self._graph.lead_of(self._identifier_of(holder)) == lead:
            return "", holder
        return holder, lead

    def _identifier_of(self, name: str) -> str:
        """What an id names: the identifier itself, or the strongest of those that are written without their kind."""
        kind = name.partition(KIND_SEPARATOR)[0]
        if KIND_SEPARATOR in name and is_known_kind(kind) and kind not in (LEAD, USER, DEVICE):
            return name
        named = [node(kind, name) for kind in (LEAD, USER, DEVICE)]
        return next((identifier for identifier in named if identifier in self._store), named[-1])
