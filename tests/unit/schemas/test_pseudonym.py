import pytest

from schemas.pseudonym import normalised_email, normalised_phone, pseudonym

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("text", "address"),
    [(" Ada@Lovelace.Example ", "ada@lovelace.example"), ("mailto:a@b.io", "a@b.io"), ("ada", None), ("a@b", None), ("a b@c.de", None), ("", None)],
)
def test_an_address_is_compared_in_one_form(text: str, address: str | None):
    """Spaces and capitals make no other person; what is no address is none."""
    assert address == normalised_email(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+44 (0)20 7946-0000", "+442079460000"),
        ("0044 20 7946 0000", "+442079460000"),
        ("020 7946 0000", "02079460000"),
        ("12", None),
        ("٣" * 9, None),
    ],
)
def test_a_number_is_compared_in_one_form(text: str, number: str | None):
    """Ways to write a telephone number meet; too few digits are none."""
    assert number == normalised_phone(text)


def test_a_pseudonym_depends_on_key_tenant_and_kind():
    """Without the key it cannot be made, and two tenants cannot compare their people."""
    made = {
        pseudonym(KEY, "acme", "email", "a@b.io"),
        pseudonym(b"x" * 32, "acme", "email", "a@b.io"),
        pseudonym(KEY, "bolt", "email", "a@b.io"),
        pseudonym(KEY, "acme", "phone", "a@b.io"),
    }

    assert (4, {32}) == (len(made), {len(one) for one in made})
