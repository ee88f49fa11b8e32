"""What an event says of identity."""

from models.identity.sighting import Sighting, sighting_of
from schemas.event import Event, Person
from tests.builders import an_event


def hashed(_: str, kind: str, normalised: str) -> str:
    return f"<{kind} {normalised}>"


def seen(event: Event) -> Sighting:
    return sighting_of(event, hashed)


def test_identifiers_are_named_by_kind_the_strongest_first():
    """User, contact, address and device of one event, in an order that no field decides."""
    event = an_event()._replace(
        lead="u-7",
        user_id="u-7",
        anonymous_id="b-1",
        identifiers={"phone": "5c", "crm.hubspot": "501", "email": "1f", "network_id": "n-1", "shoe_size": "44"},
    )

    assert ("user:u-7", "crm.hubspot:501", "email:1f", "phone:5c") == seen(event).people
    assert ("network_id:n-1", "device:b-1") == seen(event).devices


def test_addresses_are_compared_normalised_and_hashed():
    """However it was typed, an address is one identifier, and cannot be read."""
    event = an_event()._replace(lead="b-1", anonymous_id="b-1", person=Person(email=" Ada@Lovelace.Example", phone="0044 20 7946-0000"))

    assert ("email:<email ada@lovelace.example>", "phone:<phone +442079460000>") == seen(event).people


def test_an_address_as_user_id_is_that_address():
    """A collector writes it as `email:HASH`; wherever it stands it is one identifier."""
    event = an_event()._replace(lead="email:1f", user_id="email:1f", anonymous_id=None, identifiers={"email": "1f"})

    assert ("email:1f",) == seen(event).people


def test_placeholders_name_nobody():
    """What broken clients write instead of an id is no id; an event of nothing else is shared by all who send such."""
    event = an_event()._replace(lead="null", user_id="NULL", anonymous_id="00000000-0000-0000-0000-000000000000")

    assert (("lead:null",), (), ("lead:null",)) == (seen(event).people, seen(event).devices, seen(event).roles)


def test_a_producers_own_lead_is_the_strongest():
    """A lead that is none of the event's other ids is one of its own."""
    event = an_event()._replace(lead="lead-1", user_id="u-7", anonymous_id=None, person=None)

    assert ("lead:lead-1", "user:u-7") == seen(event).people


def test_the_mailbox_of_a_role_is_marked():
    """info@ is seen for what it is, where the address is there to be read."""
    event = an_event()._replace(lead="b-1", anonymous_id="b-1", user_id=None, person=Person(email="Info@acme.example"))

    assert ("email:<email info@acme.example>",) == seen(event).roles


def test_an_alias_names_two_users_and_maybe_a_device():
    """The id that is replaced may be a user's or a browser's."""
    event = an_event()._replace(lead="u-7", user_id="u-7", anonymous_id=None, previous_id="b-1")

    assert (("user:u-7", "user:b-1"), ("device:b-1",)) == (seen(event).alias, seen(event).devices)


def test_an_account_is_no_identifier():
    """Leads of one company stay apart."""
    event = an_event()._replace(lead="u-7", user_id="u-7", anonymous_id=None, account_id="acme")

    assert ("user:u-7",) == seen(event).people
