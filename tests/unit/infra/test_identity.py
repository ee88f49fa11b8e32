"""What an operator is told of a lead's identifiers."""

from collections.abc import Callable

import pytest

from infra.identity import Evidence, identifier_from, person_of
from schemas.errors import ConfigError
from schemas.identity import APART, SEEN, IdentityClaim
from schemas.ids import Millis
from schemas.pseudonym import pseudonym
from tests.builders import MONDAY, TENANT, TUESDAY, WEDNESDAY

KEY = b"k" * 32


def seen(*people: str, at: Millis, on: tuple[str, ...] = ()) -> IdentityClaim:
    return IdentityClaim(TENANT, f"e-{at}", SEEN, at, at, list(people), list(on))


CLAIMS = [
    seen("user:ada", "email:1f", at=MONDAY, on=("device:b-1",)),
    seen("user:ada", at=TUESDAY, on=("device:b-1",)),
    seen("email:2e", at=WEDNESDAY, on=("device:b-1",)),
]


def test_each_identifier_says_what_ties_it_and_since_when():
    """And what it was seen with and is not tied to."""
    found = person_of(CLAIMS, "device:b-1")

    assert ("ada", ["email:2e"]) == (found.lead, found.others)
    assert [Evidence("device:b-1", "user:ada", MONDAY, TUESDAY), Evidence("email:1f", "user:ada", MONDAY, 0)] == found.evidence


def test_what_an_operator_parted_is_said():
    """The two stand as two leads."""
    apart = IdentityClaim(TENANT, "c-1", APART, WEDNESDAY, WEDNESDAY, ["user:ada", "email:1f"], by="ops")
    found = person_of([*CLAIMS, apart], "email:1f")

    assert ("email:1f", [("email:1f", "user:ada")]) == (found.lead, found.apart)


def test_an_identifier_that_nothing_names_is_said_to_be_unknown():
    """It is a lead of its own, if any."""
    with pytest.raises(ConfigError, match="never seen"):
        person_of(CLAIMS, "user:bob")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("user:u-7", lambda: "user:u-7"),
        ("crm.hubspot:501", lambda: "crm.hubspot:501"),
        ("email: Ada@X.example", lambda: f"email:{pseudonym(KEY, TENANT, 'email', 'ada@x.example')}"),
        ("phone:+44 20 7946 0000", lambda: f"phone:{pseudonym(KEY, TENANT, 'phone', '+442079460000')}"),
        (f"email:{'1f' * 16}", lambda: f"email:{'1f' * 16}"),
        (f"phone:{'10' * 16}", lambda: f"phone:{'10' * 16}"),
    ],
)
def test_an_address_is_looked_up_by_its_hash(written: str, meant: Callable[[], str]):
    """Whoever has the address need not know the hash; whoever has the hash gives that."""
    assert meant() == identifier_from(written, TENANT, KEY)


@pytest.mark.parametrize(("written", "said"), [("ada", "no identifier"), ("email:ada@x.example", "PROX_PSEUDONYM_KEY")])
def test_what_is_no_identifier_is_refused(written: str, said: str):
    """Saying what one looks like, or what is missing."""
    with pytest.raises(ConfigError, match=said):
        identifier_from(written, TENANT, b"")
