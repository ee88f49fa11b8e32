"""A sighting as a claim on the log: only what is news to the lead's own lane is worth one."""

from hashlib import blake2b

from models.identity.known import ONCE, Parting
from models.identity.sighting import Sighting
from schemas.event import Event
from schemas.identity import APART, SEEN, IdentityClaim

SETS = 256
"""Sets of identifiers that a lead's lane remembers having claimed. Whoever is seen with more of them claims each of the rest every time:
that is no person, and the graph soon says so."""

Met = dict[int, tuple[int, int]]
"""Fingerprint of a set of identifiers → the two earliest instants (ms) at which it was seen; the second is ONCE until there is one."""


def is_news(met: Met, seen: Sighting) -> bool:
    """Whether a sighting may tell the graph anything, and remember it.

    The graph keeps the two earliest instants of each pair, so a set that was seen at two earlier instants tells it nothing. Whatever is
    left out changes no lead: the graph knows what it would know from all sightings.
    """
    if not (seen.alias or len(seen.people) + len(seen.devices) > 1 or seen.roles):
        return False
    mark = _fingerprint(seen)
    known = met.get(mark)
    if known is not None and (seen.at in known or (known[1] != ONCE and seen.at > known[1])):
        return False
    if known is not None or len(met) < SETS:
        earliest = sorted({seen.at, *(known or ())} - {ONCE})
        met[mark] = (earliest[0], earliest[1] if len(earliest) > 1 else ONCE)
    return True


def claim_of(event: Event, seen: Sighting) -> IdentityClaim:
    """What the event says."""
    return IdentityClaim(
        tenant=event.tenant,
        claim_id=event.event_id,
        kind=SEEN,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        people=list(seen.people),
        devices=list(seen.devices),
        roles=list(seen.roles),
        alias=list(seen.alias or ()),
    )


def sighting_in(claim: IdentityClaim) -> Sighting:
    """What an event's claim says, as the graph observes it."""
    alias = (claim.alias[0], claim.alias[1]) if len(claim.alias) > 1 else None
    return Sighting(claim.occurred_at, tuple(claim.people), tuple(claim.devices), tuple(claim.roles), alias)


def parting_in(claim: IdentityClaim) -> Parting:
    """What an operator's claim says of its two identifiers."""
    return Parting(claim.occurred_at, claim.claim_id, is_apart=claim.kind == APART)


def _fingerprint(seen: Sighting) -> int:
    text = "\n".join((*seen.people, "", *seen.devices, "", *(seen.alias or ())))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
