"""A crowd whose identities are known: people on several devices and on each other's, late logins, typing errors, shared mailboxes."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from schemas.event import PROFILE_UPDATED, Event, Person
from schemas.ids import Millis
from schemas.policy import DAY_MS

DAYS = 90
EVENTS_PER_PERSON = 40
"""About what the rates below come to."""
STRANGERS = 0.35
"""Share of people who never say who they are."""
MEMBERS = 0.7
"""Of the others, the share that makes an account; the rest is known by an e-mail address only."""
VISITS_OF_STRANGERS, VISITS_OF_OTHERS, PAGES = 1.5, 10.0, 4.0
"""Means: visits of a person, pages of a visit."""
CLEARS_COOKIES = 0.005
"""Visits of a browser that has lost its anonymous id, and its login with it."""
LOGS_IN = 0.8
"""Visits of a member who is not logged in there and now does, somewhere in the visit; forms of others are as frequent."""
SHARES_DEVICE = 0.01
"""People whose household uses one device together, logging out when they leave it; on it they log in at once, mostly."""
HOME_VISITS, LOGS_IN_AT_HOME = 0.15, 0.8
KIOSK_VISITS = 0.003
PEOPLE_PER_KIOSK = 3_000
TYPING_ERROR, HITS_A_STRANGER = 0.02, 0.01
"""Of addresses typed into a form; and how many of those are somebody else's address."""
ROLE_MAILBOX, SHARED_MAILBOX = 0.02, 0.0005
"""People who give the mailbox of a role (info@), or one of a family or a team that no rule knows."""
PEOPLE_PER_MAILBOX = 3
SWITCHBOARD = 0.2
"""People who give their company's telephone number."""
SECOND_ACCOUNT = 0.002
"""Members who one day make another account, with the same address."""
BROKEN_CLIENT = 0.002
"""Events whose client writes `null` for the user id."""
PEOPLE_PER_COMPANY = 8
ROLES = ("info", "sales", "office", "Kontakt", "support")
MINUTE_MS = 60_000


class Truth(NamedTuple):
    """An event and the number of the person whose it is."""

    event: Event
    person: int


class _Someone:
    """A person: what it will tell, and where it is logged in. `home` is the device of its household; None: it shares none."""

    __slots__ = ("browsers", "email", "home", "is_known", "is_member", "logged_in", "number", "phone", "told_email", "user")

    def __init__(self, number: int, rng: Random, *, home: str | None) -> None:
        self.number = number
        self.is_known = rng.random() >= STRANGERS
        self.is_member = self.is_known and rng.random() < MEMBERS
        self.email = _mailbox(number, rng)
        company = number // PEOPLE_PER_COMPANY
        self.phone = f"+49 30 {company:08d}" if rng.random() < SWITCHBOARD else f"+49 170 {number:08d}"
        self.user = f"member-{number}"
        self.browsers = [f"browser-{number}-{i}" for i in range(rng.choices((1, 2, 3), (5, 4, 1))[0])]
        self.home = home
        self.logged_in: set[str] = set()
        self.told_email = False


def crowd(*, tenant: str, seed: int, events: int, start: Millis) -> Iterator[Truth]:
    """So many events of people who visit, identify, are written to and are called, visit after visit; the same arguments give the same crowd.

    Parameters
    ----------
    tenant
        Whose events they are.
    seed
        Of everything that is drawn.
    events
        How many; the last visit is cut short.
    start
        The first instant.
    """
    world = _World(tenant, Random(seed), people=max(2 * PEOPLE_PER_COMPANY, events // EVENTS_PER_PERSON + 1), start=start)
    given = 0
    while given < events:  # a quarter's visits are mostly enough
        for at, person in world.visits():
            for event in world.visit(person, at):
                yield Truth(event._replace(event_id=f"event-{given}"), person.number)
                given += 1
                if given == events:
                    return


class _World:
    """Draws what happens next, and puts it into events."""

    def __init__(self, tenant: str, rng: Random, *, people: int, start: Millis) -> None:
        self._tenant = tenant
        self._rng = rng
        self._start = start
        households = [f"browser-home-{pair}" if rng.random() < SHARES_DEVICE else None for pair in range((people + 1) // 2)]
        self._people = [_Someone(number, rng, home=households[number // 2]) for number in range(people)]
        self._kiosks = [f"kiosk-{i}" for i in range(people // PEOPLE_PER_KIOSK + 1)]
        self._cleared = 0

    def visits(self) -> list[tuple[int, _Someone]]:
        """Who comes when, in order of time: first somewhere in the quarter, then again and again."""
        planned = []
        for person in self._people:
            first = self._rng.uniform(0.0, DAYS * 0.8)
            mean = VISITS_OF_OTHERS if person.is_known else VISITS_OF_STRANGERS
            for later in range(1 + int(self._rng.expovariate(1 / mean))):
                day = first + (self._rng.expovariate(1 / 25) if later else 0.0)
                planned.append((self._start + round(day * DAY_MS), person.number))
        self._start = Millis(self._start + DAYS * DAY_MS)
        return [(at, self._people[number]) for at, number in sorted(planned)]

    def visit(self, person: _Someone, at: int) -> Iterator[Event]:
        """A visit; or, for somebody who is known, a letter, a call or a note of sales."""
        draw = self._rng.random()
        if person.told_email and draw < 0.15:
            yield self._event(at, "email_opened", "email", person=Person(email=person.email))
        elif person.told_email and draw < 0.18:
            yield self._event(at, "call_answered", "phone", person=Person(phone=person.phone))
        elif person.told_email and draw < 0.22:
            contact = {"crm.salesforce": f"003-{person.number}"}
            yield self._event(at, PROFILE_UPDATED, "profile", identifiers=contact, person=Person(email=person.email, phone=person.phone))
        elif draw > 1.0 - KIOSK_VISITS:
            yield from self._on_kiosk(person, at)
        elif person.home is not None and draw > 1.0 - KIOSK_VISITS - HOME_VISITS:
            yield from self._at_home(person, at, person.home)
        else:
            yield from self._on_own(person, at)

    def _on_own(self, person: _Someone, at: int) -> Iterator[Event]:
        i = self._rng.randrange(len(person.browsers))
        if self._rng.random() < CLEARS_COOKIES:
            self._cleared += 1
            person.browsers[i] = f"browser-{person.number}-again-{self._cleared}"
        browser = person.browsers[i]
        pages = 1 + int(self._rng.expovariate(1 / PAGES))
        identifies_on = self._rng.randrange(pages) if person.is_known and self._rng.random() < LOGS_IN else -1
        for page in range(pages):
            now = at + page * MINUTE_MS
            if page == identifies_on and browser not in person.logged_in:
                yield self._identified(person, now, browser)
                if person.is_member:
                    person.logged_in.add(browser)
            yield self._page(now, browser, person.user if browser in person.logged_in else None)
        if person.is_member and self._rng.random() < SECOND_ACCOUNT / VISITS_OF_OTHERS:
            person.user = f"member-{person.number}-again"
            person.logged_in.clear()

    def _at_home(self, person: _Someone, at: int, browser: str) -> Iterator[Event]:
        logs_in = person.is_member and self._rng.random() < LOGS_IN_AT_HOME
        if logs_in:
            yield self._identified(person, at, browser)
        for page in range(1 + int(self._rng.expovariate(1 / PAGES))):
            yield self._page(at + (page + 1) * MINUTE_MS, browser, person.user if logs_in else None)

    def _on_kiosk(self, person: _Someone, at: int) -> Iterator[Event]:
        yield from self._at_home(person, at, self._rng.choice(self._kiosks))

    def _identified(self, person: _Someone, at: int, browser: str) -> Event:
        """A login, a new account, or a form with an address."""
        person.told_email = True
        email = self._typed(person)
        phone = person.phone if self._rng.random() < 0.3 else None
        user = person.user if person.is_member else None
        return self._event(at, PROFILE_UPDATED, "profile", browser=browser, user=user, person=Person(email=email, phone=phone))

    def _typed(self, person: _Someone) -> str:
        if self._rng.random() >= TYPING_ERROR:
            return person.email.upper() if self._rng.random() < 0.1 else person.email
        if self._rng.random() < HITS_A_STRANGER:
            return self._rng.choice(self._people).email
        at = self._rng.randrange(3, person.email.index("@"))
        return person.email[:at] + self._rng.choice("abcxyz") + person.email[at:]

    def _page(self, at: int, browser: str, user: str | None) -> Event:
        if self._rng.random() < BROKEN_CLIENT:
            user = "null"
        return self._event(at, "page_viewed", "web", browser=browser, user=user)

    def _event(
        self,
        at: int,
        event_type: str,
        channel: str,
        *,
        browser: str | None = None,
        user: str | None = None,
        identifiers: dict[str, str] | None = None,
        person: Person | None = None,
    ) -> Event:
        moment = Millis(at)
        return Event(
            tenant=self._tenant,
            lead=user or browser or "unknown",  # as a collector that knows nothing else names it
            event_id="",
            type=event_type,
            channel=channel,
            occurred_at=moment,
            received_at=moment,
            properties={},
            context={},
            consent={},
            anonymous_id=browser,
            user_id=user,
            person=person,
            identifiers=identifiers or {},
        )


def _mailbox(number: int, rng: Random) -> str:
    company, draw = number // PEOPLE_PER_COMPANY, rng.random()
    if draw < ROLE_MAILBOX:
        return f"{rng.choice(ROLES)}@company-{company}.example"
    if draw < ROLE_MAILBOX + SHARED_MAILBOX:
        return f"the.team@company-{number // round(PEOPLE_PER_MAILBOX / SHARED_MAILBOX)}.example"
    return f"person.{number}@company-{company}.example"
