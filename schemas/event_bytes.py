"""Avro bytes of an event, written by hand: four times as fast as the general writer, and the same bytes (a law says so).

The collector writes more events than anybody, and each has some forty texts in it.
"""

from schemas.avro_bytes import NULL, SECOND, Put, flag, name, put_double, put_flag, put_long, put_map, put_maybe_long, put_maybe_text, put_text
from schemas.event import Event, Person


def event_bytes(frame: bytes, event: Event) -> bytes:
    """A frame, and the event's fields in the order of `avro/event.avsc`.

    Raises
    ------
    TypeError, AttributeError, ValueError, UnicodeEncodeError, struct.error
        A field is not of its type. The general writer says which.
    """
    parts = [frame, name(event.tenant)]
    put = parts.append
    put_text(put, event.lead)
    put_text(put, event.event_id)
    put(name(event.type))
    put(name(event.channel))
    put_long(put, event.occurred_at)
    put_long(put, event.received_at)
    put_map(put, event.properties, _put_property)
    put_map(put, event.context, put_text)
    put_map(put, event.consent, put_flag)
    put_maybe_text(put, event.anonymous_id)
    put_maybe_text(put, event.user_id)
    put_maybe_text(put, event.account_id)
    put_person(put, event.person)
    put_maybe_text(put, event.previous_id)
    put_map(put, event.identifiers, put_text)
    put(name(event.source))
    put_maybe_long(put, event.original_at)
    put_maybe_long(put, event.sent_at)
    for said in (event.is_clamped, event.is_consent_stated, event.gpc):
        put(flag(said))
    return b"".join(parts)


def _put_property(put: Put, value: str | float) -> None:
    if type(value) is str:
        put(NULL)  # the first of the union
        put_text(put, value)
    elif type(value) is float:
        put(SECOND)
        put_double(put, value)
    else:
        raise TypeError("a property is neither text nor float")


def put_person(put: Put, person: Person | None) -> None:
    """A union of null and whatever names a person."""
    if person is None:
        put(NULL)
        return
    put(SECOND)
    for text in person:
        if text is None:
            put(NULL)
        else:
            put(SECOND)
            put_text(put, text)
