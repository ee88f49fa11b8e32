"""Avro bytes of a request, written by hand, and the same bytes (a law says so): its body is copied once, the rest are a few short texts."""

from schemas.avro_bytes import Put, flag, put_long, put_maybe_text, put_text, varint
from schemas.sent_request import SenderWords, SentRequest


def request_bytes(frame: bytes, request: SentRequest) -> bytes:
    """A frame, and the request's fields in the order of `avro/sent_request.avsc`.

    Raises
    ------
    TypeError, AttributeError, ValueError, UnicodeEncodeError
        A field is not of its type. The general writer says which.
    """
    parts = [frame]
    put = parts.append
    for text in request[:4]:
        put_text(put, text)
    put_long(put, request.received_at)
    _person(put, request.person)
    put_maybe_text(put, request.user_agent)
    put_maybe_text(put, request.country)
    for said in (request.gpc, request.keeps_ip, request.is_anonymous):
        put(flag(said))
    put_long(put, request.max_event_bytes)
    return b"".join(parts)


def _person(put: Put, person: SenderWords) -> None:
    put_maybe_text(put, person.ip)
    body = person.body
    if type(body) is not bytes:
        raise TypeError("a body is bytes")
    put(varint(len(body)))
    put(body)
