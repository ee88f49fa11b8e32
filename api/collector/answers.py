"""Answers: exactly what the SDKs expect, as bytes."""

from typing import NamedTuple

import orjson

JSON = (b"content-type", b"application/json")
GIF_BYTES = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)

Header = tuple[bytes, bytes]


class Answer(NamedTuple):
    """A response, whole."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()


def answer(status: int, body: bytes, *headers: Header) -> Answer:
    """A response with its length."""
    return Answer(status, body, (*headers, (b"content-length", str(len(body)).encode())))


def as_json(content: object, status: int = 200, *headers: Header) -> Answer:
    """A response in JSON."""
    return answer(status, orjson.dumps(content), JSON, *headers)


def error(status: int, code: str, message: str, *headers: Header) -> Answer:
    """`{"code": ..., "message": ...}`: two SDKs take any other shape for a reason to send again."""
    return as_json({"code": code, "message": message}, status, *headers)


def retry(status: int, code: str, message: str, after_s: int) -> Answer:
    """The sender is to send again, so many whole seconds from now."""
    return error(status, code, message, (b"retry-after", str(after_s).encode()))


ACCEPTED = as_json({"success": True})
"""200 and no other: two SDKs send again what was answered with 201, 202 or 204."""
PIXEL = answer(200, GIF_BYTES, (b"content-type", b"image/gif"), (b"cache-control", b"no-store"))
SNOWPLOW = answer(200, b"ok", (b"content-type", b"text/plain"))

STATUS = {"too_large": 413, "unauthorized": 401, "forged": 401, "replayed": 401}
"""Reason of a refused request → status, where it is not 400."""
