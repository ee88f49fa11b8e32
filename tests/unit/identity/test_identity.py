"""People told apart, one story each."""

import pytest

from models.identity.graph import IdentityGraph
from models.identity.known import Parting
from models.identity.sighting import Sighting

MONDAY = 1_772_442_000_000
HOUR = 3_600_000
LAPTOP, PHONE_BROWSER, OFFICE = ("device:laptop",), ("device:mobile",), ("device:office",)


@pytest.fixture
def graph() -> IdentityGraph:
    return IdentityGraph({})


def seen(*people: str, on: tuple[str, ...] = (), at: int = MONDAY, alias: tuple[str, str] | None = None, roles: tuple[str, ...] = ()) -> Sighting:
    return Sighting(at, people, on, roles, alias)


def whose(graph: IdentityGraph, sighting: Sighting) -> str | None:
    """The lead that an event goes to; None: nobody's."""
    graph.observe(sighting)
    resolved = graph.resolve(sighting)
    return None if resolved.is_shared else resolved.lead


def test_a_late_login_takes_what_the_browser_did_before(graph: IdentityGraph):
    """What a visitor did without a name goes to the user who then logs in there."""
    before = whose(graph, seen(on=LAPTOP))
    moved = graph.observe(seen("user:ada", on=LAPTOP, at=MONDAY + HOUR))

    assert ("laptop", [("device:laptop", "laptop", "ada")], "ada") == (before, moved, graph.lead_of("device:laptop"))


def test_devices_meet_in_an_address(graph: IdentityGraph):
    """A form on one device and a login with the same address on another are one person."""
    graph.observe(seen("email:1f", on=LAPTOP))
    graph.observe(seen("user:ada", "email:1f", on=PHONE_BROWSER, at=MONDAY + HOUR))

    assert {"ada"} == {graph.lead_of(name) for name in (*LAPTOP, *PHONE_BROWSER, "email:1f")}


def test_a_crm_contact_meets_its_user_in_an_address(graph: IdentityGraph):
    """What sales know of an address is known of its user."""
    graph.observe(seen("user:ada", "email:1f"))
    graph.observe(seen("crm.hubspot:501", "email:1f", at=MONDAY + HOUR))

    assert "ada" == graph.lead_of("crm.hubspot:501")


def test_two_users_of_one_browser_stay_two(graph: IdentityGraph):
    """A household's browser joins nobody, and what is done on it without a name is nobody's."""
    for hour in (0, 1):
        graph.observe(seen("user:ada", on=LAPTOP, at=MONDAY + hour * HOUR))
        graph.observe(seen("user:ben", on=LAPTOP, at=MONDAY + hour * HOUR + 120_000))

    assert ("ada", "ben", None) == (graph.lead_of("user:ada"), graph.lead_of("user:ben"), whose(graph, seen(on=LAPTOP, at=MONDAY + 2 * HOUR)))


def test_a_kiosk_is_nobodys_from_the_beginning(graph: IdentityGraph):
    """A device on which many log in lets go of the first one too."""
    first = [whose(graph, seen(f"user:{n}", on=OFFICE, at=MONDAY + n)) for n in range(3)]
    tied = graph.lead_of("device:office")
    for n in range(3, 9):
        graph.observe(seen(f"user:{n}", on=OFFICE, at=MONDAY + n))

    assert (["0", "1", "2"], "0", "office") == (first, tied, graph.lead_of("device:office"))
    assert whose(graph, seen(on=OFFICE, at=MONDAY + 10)) is None


def test_the_mailbox_of_a_role_joins_nobody(graph: IdentityGraph):
    """Two devices that give info@ stay two leads; an event of the mailbox alone is nobody's."""
    for device in (LAPTOP, OFFICE):
        graph.observe(seen("email:info", on=device, roles=("email:info",)))

    assert ("laptop", "office") == (graph.lead_of("device:laptop"), graph.lead_of("device:office"))
    assert whose(graph, seen("email:info", roles=("email:info",))) is None


def test_an_address_of_many_users_joins_nobody(graph: IdentityGraph):
    """A mailbox that no rule knows is let go of once it has too many users, by all of them."""
    for n in range(4):
        graph.observe(seen(f"user:{n}", "email:team", at=MONDAY + n))

    assert ["0", "1", "2", "3", "email:team"] == [graph.lead_of(name) for name in (*(f"user:{n}" for n in range(4)), "email:team")]


def test_a_typing_error_leaves_the_address_where_it_belongs(graph: IdentityGraph):
    """Somebody else's address, typed once, is neither that user's nor does it join the two."""
    for hour in range(2):
        graph.observe(seen("user:ben", "email:ben", on=LAPTOP, at=MONDAY + hour * HOUR))
    graph.observe(seen("user:ada", "email:ben", on=OFFICE, at=MONDAY - HOUR))
    graph.observe(seen("user:ada", "email:ada", on=OFFICE, at=MONDAY + HOUR))
    graph.observe(seen("user:ada", "email:ada", on=OFFICE, at=MONDAY + 2 * HOUR))

    assert ("ben", "ada") == (graph.lead_of("email:ben"), graph.lead_of("email:ada"))


def test_an_alias_joins_two_users(graph: IdentityGraph):
    """What a producer says is one person is one, under the id that sorts first."""
    moved = graph.observe(seen("user:ada", at=MONDAY, alias=("user:ada", "user:lovelace")))

    assert [("user:lovelace", "lovelace", "ada")] == moved


def test_a_merge_can_be_undone_and_done_again(graph: IdentityGraph):
    """An operator's word outlives every further sighting of the two, until a later word."""
    sighting = seen("user:ada", "email:1f")
    graph.observe(sighting)
    undone = graph.part("email:1f", "user:ada", Parting(MONDAY + HOUR, "c-1", is_apart=True))
    again = whose(graph, seen("email:1f", at=MONDAY + 2 * HOUR)), graph.observe(sighting._replace(at=MONDAY + 3 * HOUR))
    redone = graph.part("email:1f", "user:ada", Parting(MONDAY + 4 * HOUR, "c-2", is_apart=False))

    assert [("email:1f", "ada", "email:1f")] == undone
    assert ("email:1f", []) == again
    assert [("email:1f", "email:1f", "ada")] == redone


def test_an_older_word_of_an_operator_changes_nothing(graph: IdentityGraph):
    """Commands that come late, or again, do not overrule the latest."""
    graph.observe(seen("user:ada", "email:1f"))
    graph.part("email:1f", "user:ada", Parting(MONDAY + HOUR, "c-2", is_apart=False))
    moved = graph.part("email:1f", "user:ada", Parting(MONDAY, "c-1", is_apart=True))

    assert [] == moved


def test_a_lead_that_only_has_a_name_costs_nothing():
    """A producer that keys by lead and says no more leaves no trace in the store."""
    store: dict = {}
    graph = IdentityGraph(store)

    assert ("lead-7", {}) == (whose(graph, seen("lead:lead-7")), store)


def test_colleagues_of_one_switchboard_stay_apart(graph: IdentityGraph):
    """Where the address is a role's, the company's number does not stand in for it: the device does."""
    graph.observe(seen("email:ada", "phone:board", on=LAPTOP))
    ben = whose(graph, seen("email:info", "phone:board", on=OFFICE, at=MONDAY + HOUR, roles=("email:info",)))

    assert ("office", "office") == (ben, graph.lead_of("device:office"))


def test_devices_meet_in_a_telephone_that_is_all_there_is(graph: IdentityGraph):
    """Who gives info@ and a number on two devices is one, until somebody with a name of his own gives that number."""
    for number, device in enumerate((LAPTOP, OFFICE)):
        graph.observe(seen("email:info", "phone:direct", on=device, at=MONDAY + number * HOUR, roles=("email:info",)))
    met = {graph.lead_of(device) for device in ("device:laptop", "device:office", "phone:direct")}
    graph.observe(seen("user:ada", "phone:direct", at=MONDAY + 2 * HOUR))

    assert {"phone:direct"} == met
    assert ("laptop", "office", "ada") == (graph.lead_of("device:laptop"), graph.lead_of("device:office"), graph.lead_of("phone:direct"))


def test_an_address_that_was_mistyped_stands_for_whoever_typed_it(graph: IdentityGraph):
    """Once, on a device where another address is confirmed: that is no second person, until it comes again."""
    for hour in range(2):
        graph.observe(seen("email:ada", on=LAPTOP, at=MONDAY + hour * HOUR))
    once = whose(graph, seen("email:aad", on=LAPTOP, at=MONDAY + 2 * HOUR))
    again = whose(graph, seen("email:aad", on=LAPTOP, at=MONDAY + 3 * HOUR))

    assert ("email:ada", "email:aad") == (once, again)
    assert "email:aad" == graph.lead_of("email:aad")
