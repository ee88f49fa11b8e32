"""Who is who in one tenant: identifiers joined into people, the same whatever order they were seen in."""

from collections.abc import Callable, Iterable, MutableMapping
from itertools import combinations
from typing import NamedTuple

from models.identity import kinds
from models.identity.kinds import ATTACHING, CRM, DEVICES, EMAIL, PHONE, kind_of, lead_named_by, order
from models.identity.known import Known, Parting
from models.identity.sighting import Sighting

ALIASES_LIMIT = 8
"""A user with more aliases than that is no person."""


class Moved(NamedTuple):
    """An identifier whose lead is another one now: what is remembered under `identifier` goes from `before` to `lead`, both lead ids."""

    identifier: str
    before: str
    lead: str


class Resolved(NamedTuple):
    """Whose an event is: the identifier that says so, and its lead as of now. `is_shared`: nobody's, as all that it names is shared."""

    identifier: str
    lead: str
    is_shared: bool


class IdentityGraph:
    """Joins what was seen together.

    Each identifier that can be somebody's is tied to stronger ones that it was seen with: an e-mail to the earliest user, and to the
    earliest contact of each CRM; a phone or a device to the earliest of all, so that it never joins two people; a device on which nobody
    identified otherwise, to a phone that is all that is known of somebody.
    An alias ties two users. Whoever is tied together is one person, and its lead is the one that the strongest identifier names
    (`kinds.order`). Identifiers that are seen with too many others (`kinds.limit`) or belong to a role are shared: they are tied to nobody,
    from the beginning. So the people and their leads are a function of the set of sightings and partings alone. Instants are those of the
    events: which came first is no matter of arrival.

    Parameters
    ----------
    store
        Identifier → what is known of it; written whenever that changes.
    limit
        (kind, other kind) → how many of the other an identifier may be seen with (`kinds.limit`). Fixed for the life of the store.
    """

    def __init__(self, store: MutableMapping[str, Known], *, limit: Callable[[str, str], int] = kinds.limit) -> None:
        self._store = store
        self._limit = limit
        self._before: dict[str, str] = {}

    def observe(self, seen: Sighting) -> list[Moved]:
        """Learn from a sighting; gives the identifiers that this moved to another lead. The same sighting again changes nothing."""
        self._before.clear()
        for role in seen.roles:
            if not self._known(role).is_shared:
                self._settle(self._share({role}))
        for stronger, weaker in combinations(seen.people, 2):
            self._tie(weaker, stronger, seen.at)
        for device in seen.devices:
            for person in seen.people:
                self._tie(device, person, seen.at)
        if seen.alias is not None and seen.alias[0] != seen.alias[1]:
            self._alias(*seen.alias)
        return self._moved()

    def part(self, one: str, other: str, parting: Parting) -> list[Moved]:
        """An operator's word that nothing ties these two to each other, or something may again. Of several on the same two the latest counts."""
        self._before.clear()
        known, of_other = self._known(one), self._known(other)
        if one != other and (other not in known.partings or known.partings[other] < parting):
            known.partings[other] = of_other.partings[one] = parting
            self._store[one], self._store[other] = known, of_other
            self._settle({one, other, *known.seen_with, *of_other.seen_with})
        return self._moved()

    def resolve(self, seen: Sighting) -> Resolved:
        """Whose a sighting's event is, as of now: its strongest identifier's that is not shared, else its device's, and only then its phone's.

        A device on which one person identified is that person's, what it did before included. Where several did, an event that names
        nobody is nobody's.
        """
        people = [person for person in seen.people if not self._is_shared(person)]
        of = next((person for person in people if kind_of(person) not in ATTACHING), None)
        of = of or next((device for device in seen.devices if not self.is_nobodys(device)), None) or next(iter(people), None)
        if of is not None:
            return Resolved(of, self.stands_for(of), is_shared=False)
        of = (seen.devices or seen.people)[0]
        return Resolved(of, lead_named_by(of), is_shared=True)

    def is_nobodys(self, identifier: str) -> bool:
        """Whether events that name only this are nobody's: it is shared, or a device on which several people identified."""
        known = self._store.get(identifier)
        if known is None:
            return False
        return known.is_shared or (kind_of(identifier) in DEVICES and len(self._leads_on(known)) > 1)

    def stands_for(self, identifier: str) -> str:
        """The lead that events of an identifier go to: its own, but for an address that was mistyped.

        An address that was seen once, with nothing but a device on which another one is confirmed, is taken for a typing error: these rarely
        come twice, where people do. It joins nothing, and is its own from its second time on.
        """
        known = self._store.get(identifier)
        if known is not None and kind_of(identifier) == EMAIL and known.lead == identifier and not known.is_shared:
            owner = self._owner_of_mistyped(identifier, known)
            if owner is not None:
                return self.lead_of(owner)
        return self.lead_of(identifier)

    def _owner_of_mistyped(self, address: str, known: Known) -> str | None:
        seen_with = [other for other in known.seen_with if kind_of(other) != PHONE]
        if len(seen_with) != 1 or kind_of(seen_with[0]) not in DEVICES or known.is_confirmed(seen_with[0]):
            return None
        device = self._known(seen_with[0])
        owner = next(iter(self._ties(seen_with[0], device)), None)
        is_owned = owner is not None and owner != address and kind_of(owner) not in ATTACHING and device.is_confirmed(owner)
        return owner if is_owned and self._may_tie(known, str(owner)) else None

    def _leads_on(self, device: Known) -> set[str]:
        """Leads of those who identified on a device; only of those who did so twice, if anyone did."""
        people = [person for person in device.seen_with if kind_of(person) not in ATTACHING and not self._is_shared(person)]
        confirmed = [person for person in people if device.is_confirmed(person)]
        return {self._store[person].lead for person in confirmed or people}

    def lead_of(self, identifier: str) -> str:
        """The lead that an identifier belongs to."""
        known = self._store.get(identifier)
        return lead_named_by(identifier if known is None else known.lead)

    def ties_of(self, identifier: str) -> list[tuple[str, int, int]]:
        """What an identifier is tied to, with the two earliest instants (ms) at which they were seen together; an alias has none."""
        known = self._known(identifier)
        ties = [(other, *known.seen_with[other]) for other in sorted(self._ties(identifier, known))]
        return ties + [(other, 0, 0) for other in sorted(known.aliases) if self._may_tie(known, other)]

    def people(self) -> dict[str, set[str]]:
        """Lead → its identifiers; shared ones are on their own."""
        leads: dict[str, set[str]] = {}
        for identifier, known in self._store.items():
            leads.setdefault(known.lead, set()).add(identifier)
        return leads

    def _known(self, identifier: str) -> Known:
        known = self._store.get(identifier)
        return Known(identifier) if known is None else known

    def _is_shared(self, identifier: str) -> bool:
        known = self._store.get(identifier)
        return known is not None and known.is_shared

    def _tie(self, weaker: str, stronger: str, at: int) -> None:
        """Note that two were seen together at this instant."""
        of_weaker, of_stronger = self._known(weaker), self._known(stronger)
        is_news = (of_weaker.is_news(stronger, at), of_stronger.is_news(weaker, at))
        if not any(is_news):
            return
        # what rests on one sighting is weighed against all that its ends were seen with
        changing = {weaker, stronger, *_doubtful(of_weaker), *_doubtful(of_stronger), *self._dependants((weaker, stronger))}
        before = {identifier: self._ties(identifier, self._known(identifier)) for identifier in changing}
        if is_news[0]:
            of_weaker.note(stronger, at)
        if is_news[1]:
            of_stronger.note(weaker, at)
        self._store[weaker], self._store[stronger] = of_weaker, of_stronger
        crowded = {
            name for name, known, other in ((weaker, of_weaker, stronger), (stronger, of_stronger, weaker)) if self._is_crowded(name, known, other)
        }
        touched = self._share(crowded)
        after = {identifier: self._ties(identifier, self._known(identifier)) for identifier in changing}
        if crowded or any(before[identifier] - after[identifier] for identifier in changing):
            self._settle({*touched, *changing, *(end for ends in (*before.values(), *after.values()) for end in ends)})
        else:
            for identifier in changing:
                for end in after[identifier] - before[identifier]:
                    self._join(identifier, end)

    def _alias(self, user: str, replaced: str) -> None:
        ends = {user: self._known(user), replaced: self._known(replaced)}
        new = {name for name, known in ends.items() if not known.is_shared and (ends.keys() - {name}).isdisjoint(known.aliases)}
        for name in new:
            ends[name].aliases |= ends.keys() - {name}
            self._store[name] = ends[name]
        crowded = {name for name in new if len(ends[name].aliases) > ALIASES_LIMIT}
        if crowded:
            self._settle(self._share(crowded))
        elif len(new) == len(ends) and self._may_tie(ends[user], replaced):
            self._join(user, replaced)

    def _may_tie(self, known: Known, other: str) -> bool:
        return not known.is_apart_from(other) and not self._is_shared(other)

    def _is_crowded(self, identifier: str, known: Known, other: str) -> bool:
        if known.is_shared:
            return False
        kind = kind_of(other)
        return sum(1 for seen in known.seen_with if kind_of(seen) == kind) > self._limit(kind_of(identifier), kind)

    def _share(self, identifiers: set[str]) -> set[str]:
        """From now on, and from the beginning, these are tied to nobody; gives all whose ties that may change."""
        touched = set(identifiers)
        for identifier in identifiers:
            known = self._known(identifier)
            touched |= {*known.seen_with, *known.aliases}
            known.is_shared = True
            known.seen_with, known.aliases = {}, set()
            self._store[identifier] = known
        return touched | self._dependants(touched)

    def _ties(self, identifier: str, known: Known) -> set[str]:
        """The stronger identifiers that this one is tied to: the earliest of each kind, or of all where it is of a kind that people share."""
        if known.is_shared:
            return set()
        own, is_attaching = order(identifier), kind_of(identifier) in ATTACHING
        best: dict[str, tuple[bool, int, tuple[int, str]]] = {}
        for other, (at, _) in known.seen_with.items():
            standing = order(other)
            if standing > own or kind_of(other) in ATTACHING or not self._may_tie(known, other):
                continue
            is_doubtful = not known.is_confirmed(other)
            if is_doubtful and not is_attaching and self._is_refuted(identifier, known, other):
                continue
            kind = "" if is_attaching else kind_of(other)
            best[kind] = min(best.get(kind, (True, at, standing)), (is_doubtful, at, standing))
        if not best and kind_of(identifier) in DEVICES:
            return self._phone_of(known)
        return {standing[1] for _, _, standing in best.values()}

    def _phone_of(self, device: Known) -> set[str]:
        """The telephone of a device on which nobody else identified: all that is known of somebody who gave the address of a role.

        Only a telephone that nobody with a better name was seen with, but one contact of each CRM: whoever has an address of his own gives it,
        so where one did, the number is a switchboard's and this a colleague.
        """
        phones = (phone for phone in device.seen_with if kind_of(phone) == PHONE and self._may_tie(device, phone) and self._is_all_there_is(phone))
        best = min(phones, key=lambda phone: (not device.is_confirmed(phone), device.seen_with[phone][0], phone), default=None)
        return set() if best is None else {best}

    def _is_all_there_is(self, phone: str) -> bool:
        people = [kind_of(other) for other in self._known(phone).seen_with if kind_of(other) not in ATTACHING and not self._is_shared(other)]
        return all(kind.startswith(CRM) for kind in people) and len(people) == len(set(people))

    def _dependants(self, identifiers: Iterable[str]) -> set[str]:
        """Devices whose ties depend on what these telephones were seen with."""
        phones = (self._known(identifier) for identifier in identifiers if kind_of(identifier) == PHONE)
        return {other for phone in phones for other in phone.seen_with if kind_of(other) in DEVICES}

    def _is_refuted(self, identifier: str, known: Known, other: str) -> bool:
        """Whether two that were seen together once had better be taken for a typing error.

        They had if the stronger has another address that is confirmed or earlier, or was seen on devices, none of them among those on which
        the address was confirmed.
        """
        of_other, kind = self._known(other), kind_of(identifier)
        rivals = ((not of_other.is_confirmed(seen), at, seen) for seen, (at, _) in of_other.seen_with.items() if kind_of(seen) == kind)
        if min(rivals)[2] != identifier:
            return True
        used_on = {seen for seen in known.seen_with if kind_of(seen) in DEVICES and known.is_confirmed(seen)}
        theirs = {seen for seen in of_other.seen_with if kind_of(seen) in DEVICES}
        return bool(used_on) and bool(theirs) and used_on.isdisjoint(theirs)

    def _neighbours(self, identifier: str) -> Iterable[str]:
        """All that an identifier is tied to, from its side or theirs."""
        known = self._known(identifier)
        if known.is_shared:
            return
        ties = self._ties(identifier, known)
        yield from ties
        for other in known.seen_with:
            if other not in ties and identifier in self._ties(other, self._known(other)):
                yield other
        for other in known.aliases:
            if self._may_tie(known, other):
                yield other

    def _join(self, one: str, other: str) -> None:
        """A tie was added between two: the people at its ends are one, under the stronger lead. Only the other's identifiers are visited."""
        leads = sorted({self._known(one).lead, self._known(other).lead}, key=order)
        if len(leads) == 2:
            loser = one if self._known(one).lead == leads[1] else other
            self._rename(self._person_of(loser, within=leads[1]), leads[0])

    def _settle(self, identifiers: set[str]) -> None:
        """Ties were taken away at these identifiers: name everybody who is tied to them anew."""
        done: set[str] = set()
        for identifier in identifiers:
            if identifier not in done:
                person = self._person_of(identifier)
                self._rename(person, min(person, key=order))
                done |= person

    def _person_of(self, identifier: str, *, within: str | None = None) -> set[str]:
        person, open_ends = {identifier}, [identifier]
        while open_ends:
            for other in self._neighbours(open_ends.pop()):
                if other not in person and (within is None or self._known(other).lead == within):
                    person.add(other)
                    open_ends.append(other)
        return person

    def _rename(self, person: Iterable[str], lead: str) -> None:
        for identifier in person:
            known = self._known(identifier)
            if known.lead != lead:
                self._before.setdefault(identifier, known.lead)
                known.lead = lead
                self._store[identifier] = known

    def _moved(self) -> list[Moved]:
        now = {identifier: self._known(identifier).lead for identifier in self._before}
        return [Moved(i, lead_named_by(before), lead_named_by(now[i])) for i, before in sorted(self._before.items()) if before != now[i]]


def _doubtful(known: Known) -> list[str]:
    return [other for other in known.seen_with if not known.is_confirmed(other)]
