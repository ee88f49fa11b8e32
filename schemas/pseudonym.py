"""Addresses of people as keyed hashes: two records can be joined by them, and nobody can read them back without the key."""

import hmac
import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

EMAIL = re.compile(r"[^@\s<>,;\"]{1,64}@[^@\s<>,;\"]{1,255}\.[^@\s<>,;\".]{2,63}")
SHORTEST_PHONE, LONGEST_PHONE = 7, 15
"""Digits of a telephone number: E.164 allows 15; less than 7 is an extension."""
HEX_DIGITS = 32
"""128 bits: no two of a billion addresses meet."""


def normalised_email(text: str) -> str | None:
    """The address as it is compared: without spaces around it, in small letters; None if it is none.

    Dots and `+tags` stay, as only some providers ignore them.

    Examples
    --------
    >>> normalised_email(" Ada@Lovelace.Example ")
    'ada@lovelace.example'
    >>> normalised_email("ada at lovelace")
    """
    address = text.strip().lower().removeprefix("mailto:")
    return address if EMAIL.fullmatch(address) else None


def normalised_phone(text: str) -> str | None:
    """The number as it is compared: `+` and digits, or digits alone where the country is not known; None if it is none.

    Examples
    --------
    >>> normalised_phone("+44 (0)20 7946-0000"), normalised_phone("0044 20 7946 0000")
    ('+442079460000', '+442079460000')
    >>> normalised_phone("ext. 12")
    """
    number = text.strip().removeprefix("tel:").replace("(0)", "")
    digits = "".join(c for c in number if c.isascii() and c.isdigit())
    is_international = number.startswith(("+", "00"))
    digits = digits.removeprefix("00") if number.startswith("00") else digits
    if not SHORTEST_PHONE <= len(digits) <= LONGEST_PHONE:
        return None
    return f"+{digits}" if is_international else digits


def pseudonym(key: bytes, tenant: str, kind: str, normalised: str) -> str:
    """HMAC-SHA-256 of an address, cut to 128 bits, in hex: the same for the same tenant, kind and address.

    Parameters
    ----------
    key
        The deployment's secret (`PROX_PSEUDONYM_KEY`): whoever changes it loses all joins by address.
    tenant
        Part of what is hashed: two tenants cannot compare their people.
    kind
        `email` or `phone`.
    normalised
        As `normalised_email` or `normalised_phone` gives it.
    """
    return hmac.new(key, f"{tenant}|{kind}|{normalised}".encode(), sha256).hexdigest()[:HEX_DIGITS]


REMEMBERED = 50_000
"""Addresses of which one process keeps the hash."""


def pseudonym_under(key: bytes) -> Callable[[str, str, str], str] | None:
    """`pseudonym` under one key, for a process that meets the same addresses again and again; None without a key."""
    if not key:
        return None
    return lru_cache(REMEMBERED)(lambda tenant, kind, normalised: pseudonym(key, tenant, kind, normalised))
