"""A lead by any of its ids: an old id is shown the way, and what was written under old ids is part of the lead's story."""

from collections.abc import Callable, Iterable
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import quote

from fastapi import Depends, Request

from api.deps import LeadPath, StoresDep, TenantDep
from api.problems import MovedError
from api.stores import Stores
from connectors.cassandra.page import Moment, Page, page_of
from connectors.cassandra.profiles import StoredProfile
from connectors.cassandra.traits import StoredTrait
from schemas.event import Person
from schemas.override import Override

T = TypeVar("T")


class KnownAs(NamedTuple):
    """A lead and every id that it is known by, its own first."""

    lead: str
    names: tuple[str, ...]


def _known_as(request: Request, tenant: TenantDep, stores: StoresDep, lead: LeadPath) -> KnownAs:
    to = stores.aliases.lead_of(tenant, lead)
    if to is not None and to != lead:
        # quoted whole: a slash of an id is none of the path
        path = str(request.scope["route"].path).replace("{lead}", quote(to, safe=""))
        query = f"?{request.url.query}" if request.url.query else ""
        raise MovedError(lead=to, location=f"{path}{query}")
    return KnownAs(lead, (lead, *stores.aliases.aliases_of(tenant, lead)))


KnownAsDep = Annotated[KnownAs, Depends(_known_as)]


def one_history(pages: Iterable[Page[T, Moment]], limit: int, position: Callable[[T], Moment]) -> Page[T, Moment]:
    """Histories of several ids, newest first, as one; of two at one place the first id's is shown."""
    found: dict[Moment, T] = {}
    has_more = False
    for page in pages:
        has_more = has_more or page.next is not None
        for item in page.items:
            found.setdefault(position(item), item)
    items = [found[at] for at in sorted(found, reverse=True)]
    page = page_of(items, limit, position)
    return page if page.next is not None or not has_more else Page(page.items, position(page.items[-1]))


def latest_override(stores: Stores, tenant: str, names: Iterable[str]) -> Override | None:
    """The latest decision on a lead, under whichever id it was made: the one that counts."""
    decisions = [override for name in names if (override := stores.overrides.latest(tenant, name)) is not None]
    return max(decisions, key=lambda one: (one.decided_at, one.override_id), default=None)


def latest_traits(stores: Stores, tenant: str, names: Iterable[str]) -> list[StoredTrait]:
    """Of each trait what was said last, under whichever id; of one instant, under the lead's own."""
    latest: dict[str, StoredTrait] = {}
    for trait in (trait for name in names for trait in stores.traits.of_lead(tenant, name)):
        if trait.name not in latest or trait.said_at > latest[trait.name].said_at:
            latest[trait.name] = trait
    return [latest[name] for name in sorted(latest)]


def one_profile(profiles: Iterable[StoredProfile | None]) -> StoredProfile | None:
    """What is known under several ids, as one: where the first says nothing, the next one's word."""
    known = [profile for profile in profiles if profile is not None]
    if not known:
        return None
    texts: dict[str, str] = {}
    numbers: dict[str, float] = {}
    consent: dict[str, bool] = {}
    for profile in reversed(known):
        texts, numbers, consent = texts | profile.texts, numbers | profile.numbers, consent | profile.consent
    people = [profile.person for profile in known]
    person = Person(*(next((value for value in values if value is not None), None) for values in zip(*people, strict=True)))
    firsts = [profile.first_seen for profile in known if profile.first_seen is not None]
    lasts = [profile.last_seen for profile in known if profile.last_seen is not None]
    account = next((profile.account_id for profile in known if profile.account_id is not None), None)
    return StoredProfile(account, texts, numbers, consent, person, min(firsts, default=None), max(lasts, default=None))
