"""Names of events and ids of people, as ProX writes them."""

import re
from functools import lru_cache

from schemas.errors import PoisonRecordError

LONGEST_NAME = 200
LONGEST_ID = 512
"""As `models.enrichment` has it: longer ones are payloads gone astray."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")


def event_type(name: object) -> str:
    """An event's name in small letters, with `_` between words.

    Raises
    ------
    PoisonRecordError
        It is no text, has no letter or digit, holds an `@`, or is longer than 200 characters.

    Examples
    --------
    >>> event_type("Order Completed"), event_type("pageViewed"), event_type("com.example.lead-created")
    ('order_completed', 'page_viewed', 'com_example_lead_created')
    """
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise PoisonRecordError(f"the event's name must be a text of at most {LONGEST_NAME} characters")
    if "@" in name:
        raise PoisonRecordError("the event's name holds an @: it must name no address")
    made = _made(name)
    if not made:
        raise PoisonRecordError("the event's name holds no letter or digit")
    return made


@lru_cache(maxsize=4_096)
def _made(name: str) -> str:
    return _BETWEEN.sub("_", _CAMEL.sub("_", name)).strip("_").lower()


def id_of(value: object, field: str) -> str | None:
    """An id as text; None where none was sent.

    Raises
    ------
    PoisonRecordError
        It is neither text nor whole number, is too long, or holds a line break or a zero byte.
    """
    if type(value) is str:
        text = value.strip()
    elif value is None:
        return None
    elif type(value) is int:
        text = str(value)
    else:
        raise PoisonRecordError(f"{field} must be a text")
    if len(text) > LONGEST_ID:
        raise PoisonRecordError(f"{field} is longer than {LONGEST_ID} characters")
    if "\n" in text or "\x00" in text:
        raise PoisonRecordError(f"{field} holds a line break or a zero byte")
    return text or None
