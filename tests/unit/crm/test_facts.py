"""What a record newly says: stages, corrections, traits, links, overrides."""

from itertools import permutations

import pytest

from connectors.crm.facts import CRM_LINKED, STAGE_CHANGED, Facts, Followed, facts_of, turns
from connectors.crm.source import Contact, CrmRecord, Value
from schemas.crm_change import DEAL, PERSON
from schemas.event import OBSERVATION, PROFILE_UPDATED
from schemas.outcome import LOST, REOPENED, WON
from schemas.override import REVOKED
from tests.builders import FRIDAY, MONDAY, TENANT, later
from tests.crm_sources import HUBSPOT_BACK

FOLLOWED = Followed(TENANT, "hubspot", HUBSPOT_BACK, {DEAL: "dealstage", PERSON: "lifecyclestage"}, FRIDAY)
ADA, BOB = Contact("501", "ada"), Contact("502", "bob")
HOURS = [later(MONDAY, hours=n) for n in range(8)]


def a_deal(*stages: tuple[str, int], people: tuple[Contact, ...] = (ADA,), amount: str = "") -> CrmRecord:
    values = [Value("dealstage", stage, at) for stage, at in stages]
    values += [Value("amount", amount, stages[-1][1])] if amount else []
    return CrmRecord(DEAL, "77", stages[-1][1], people, tuple(values))


def a_person(at: int = MONDAY, **values: str) -> CrmRecord:
    return CrmRecord(PERSON, "501", at, (ADA,), tuple(Value(field, text, at) for field, text in values.items()))


def said(record: CrmRecord, known: list[Value] | None = None) -> Facts:
    return facts_of(record, known or [], FOLLOWED, lambda contact: contact.lead)


def outcomes(facts: Facts) -> list[tuple[str, int]]:
    return [(outcome.outcome, outcome.occurred_at) for outcome in facts.outcomes]


def test_a_won_deal_is_every_ones_who_takes_part():
    """At the time when its stage began, with its amount; once for each lead, and the same whenever it is told again."""
    record = a_deal(("contractsent", HOURS[0]), ("closedwon", HOURS[1]), people=(ADA, BOB, ADA), amount="1200.5")
    facts = said(record)

    assert [("ada", WON, HOURS[1], 1200.5, "hubspot"), ("bob", WON, HOURS[1], 1200.5, "hubspot")] == [
        (o.lead, o.outcome, o.occurred_at, o.amount, o.source) for o in facts.outcomes
    ]
    assert [("ada", "negotiation", HOURS[0]), ("bob", "negotiation", HOURS[0])] == [
        (e.lead, e.properties["stage"], e.occurred_at) for e in facts.events if e.type == STAGE_CHANGED
    ]
    assert facts.outcomes == said(record).outcomes


def test_what_was_said_is_not_said_again():
    """However often a list holds it."""
    record = a_deal(("contractsent", HOURS[0]), ("closedwon", HOURS[1]), amount="7")
    known = said(record).known

    assert not said(record, known)
    assert not said(record._replace(at=HOURS[5]), known)


def test_a_deal_that_leaves_a_closed_stage_is_reopened():
    """At that time; and won for another meaning is a correction: both are told."""
    story = [("closedwon", HOURS[0]), ("contractsent", HOURS[1]), ("closedlost", HOURS[2]), ("closedwon", HOURS[3])]

    assert [(WON, HOURS[0]), (REOPENED, HOURS[1]), (LOST, HOURS[2]), (REOPENED, HOURS[3]), (WON, HOURS[3])] == outcomes(said(a_deal(*story)))


def test_a_stage_without_a_meaning_ends_a_closed_one_too():
    """Whatever it is called, the deal is not won any more."""
    assert [(WON, HOURS[0]), (REOPENED, HOURS[1])] == outcomes(said(a_deal(("closedwon", HOURS[0]), ("a_new_stage", HOURS[1]))))


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_order_in_which_stages_are_heard_of_does_not_matter(order: tuple[int, ...]):
    """What is heard too late is told in its place, and what came after it again: the last word is the same."""
    story = [Value("dealstage", "closedwon", HOURS[0]), Value("dealstage", "contractsent", HOURS[1]), Value("dealstage", "closedlost", HOURS[2])]
    known: list[Value] = []
    told: dict[str, int] = {}
    for i in order:
        facts = said(CrmRecord(DEAL, "77", story[i].at, (ADA,), (story[i],)), known)
        known += facts.known
        told |= {f"{o.outcome}@{o.occurred_at}": o.occurred_at for o in facts.outcomes}
        last = facts.outcomes[-1].outcome if facts.outcomes else None

    assert LOST == last
    assert {f"{WON}@{HOURS[0]}", f"{LOST}@{HOURS[2]}"} <= told.keys()


def test_two_ways_of_hearing_are_one_change():
    """A webhook and a list time it some seconds apart."""
    first = said(a_deal(("closedwon", HOURS[1])))
    echo = said(a_deal(("closedwon", HOURS[1] - 3_000)), first.known)

    assert (1, False) == (len(first.outcomes), bool(echo))
    assert ([], []) == turns(first.known, [Value("dealstage", "closedwon", HOURS[4])], lambda stage: stage)


def test_a_record_of_nobody_known_is_news_when_it_is_known_whose_it_is():
    """Nothing is remembered of it before."""
    record = a_deal(("closedwon", HOURS[1]), people=(Contact("501"),))

    assert not said(record)
    assert [(WON, HOURS[1])] == outcomes(said(record._replace(people=(ADA,))))


def test_traits_are_one_event_and_name_the_company():
    """Numbers as numbers; again only when one has changed, and not because we wrote a score there."""
    record = a_person(industry="retail", numberofemployees="40", associatedcompanyid="c-7", lastname="Lovelace")
    facts = said(record)
    (event,) = [event for event in facts.events if event.type == PROFILE_UPDATED]

    assert ({"industry": "retail", "employees": 40.0}, "c-7", MONDAY) == (event.properties, event.account_id, event.occurred_at)
    assert not said(record._replace(at=HOURS[3]), facts.known)
    changed = said(a_person(HOURS[4], industry="steel", numberofemployees="40", associatedcompanyid="c-7"), facts.known)
    assert [("steel", HOURS[4])] == [(event.properties["industry"], event.occurred_at) for event in changed.events]


def test_a_person_is_linked_by_an_observation():
    """Whose identifiers join the record with its lead; once."""
    facts = said(a_person())
    (event,) = facts.events

    assert (CRM_LINKED, OBSERVATION, {"crm.hubspot": "501"}) == (event.type, event.channel, event.identifiers)
    assert not said(a_person(HOURS[3]), facts.known)


def test_a_conversion_is_a_stage_once_and_links_the_contact():
    """Its time is when it was seen first; what happens to the lead's record later is not another conversion."""
    record = CrmRecord(PERSON, "Lead/00Q1", MONDAY, (Contact("Lead/00Q1", "ada"),), (), into="Contact/0031")
    facts = said(record)

    assert [("converted", MONDAY)] == [(e.properties["stage"], e.occurred_at) for e in facts.events if e.type == STAGE_CHANGED]
    assert [{"crm.hubspot": "0031"}] == [e.identifiers for e in facts.events if e.type == CRM_LINKED]
    assert not said(record._replace(at=HOURS[2]), facts.known)


def test_a_conversion_may_be_an_outcome():
    """As the tenant says."""
    back = HUBSPOT_BACK.model_copy(update={"conversion": "won"})
    record = CrmRecord(PERSON, "Lead/00Q1", MONDAY, (Contact("Lead/00Q1", "ada"),), (), into="Contact/0031")
    facts = facts_of(record, [], FOLLOWED._replace(back=back), lambda contact: contact.lead)

    assert [(WON, MONDAY)] == outcomes(facts)


def test_a_grade_that_a_person_wrote_is_an_override():
    """From then on and for the tenant's time; taken out it is revoked; what is no grade is none."""
    facts = said(a_person(sales_grade=" a1 "))
    (override,) = facts.overrides
    revoked = said(a_person(HOURS[2], sales_grade=""), facts.known)

    assert ("A1", "hubspot", MONDAY, later(MONDAY, days=30)) == (override.grade, override.source, override.decided_at, override.expires_at)
    assert [(REVOKED, HOURS[2])] == [(o.grade, o.decided_at) for o in revoked.overrides]
    assert [] == said(a_person(sales_grade="urgent")).overrides
    assert [] == said(a_person(sales_grade="")).overrides
    assert not said(a_person(sales_grade="")).known[1:]


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "many", ""])
def test_an_amount_that_is_no_number_is_none(text: str):
    """An outcome is told without it."""
    (outcome,) = said(a_deal(("closedwon", HOURS[1]), amount=text)).outcomes

    assert outcome.amount is None
