"""Request bodies, bounded while they are read and while they are inflated."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from schemas.errors import PoisonRecordError

GZIP = b"\x1f\x8b"
WBITS = zlib.MAX_WBITS | 32
"""gzip or zlib, as its header says."""
READ_WITHIN_S = 30.0
"""A body that takes longer holds a place that others need."""

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


async def read(receive: Receive, max_bytes: int) -> bytes:
    """A request's body as it came.

    Raises
    ------
    PoisonRecordError
        It is larger (reason `too_large`), or its sender has gone (`cut_off`).
    TimeoutError
        It takes too long.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        _check(message, len(body), max_bytes)
        return body
    parts = [body]
    size = len(body)
    async with asyncio.timeout(READ_WITHIN_S):
        while message.get("more_body"):
            _check(message, size, max_bytes)
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
    _check(message, size, max_bytes)
    return b"".join(parts)


def inflated(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """The body without its content encoding; never holds more than `max_bytes` of it.

    Parameters
    ----------
    body
        As it came.
    encoding
        Of the header `Content-Encoding`; a body that begins as gzip does is inflated without it too.
    max_bytes
        After inflating.

    Raises
    ------
    PoisonRecordError
        Not in that encoding, cut off, or an encoding that is not taken (reason `not_gzip`); or larger (`too_large`).
    """
    if not body.startswith(GZIP) and encoding in ("", "identity"):
        return body
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise PoisonRecordError(f"Content-Encoding {encoding[:40]!r} is not taken: send gzip or none", reason="not_gzip")
    inflating = zlib.decompressobj(WBITS)
    try:
        found = inflating.decompress(body, max_bytes + 1)
    except zlib.error as exc:
        raise PoisonRecordError("the body is not gzip, though its header says so", reason="not_gzip") from exc
    if len(found) > max_bytes:
        raise PoisonRecordError(f"more than {max_bytes} bytes after inflating: send smaller batches", reason="too_large")
    if not inflating.eof or inflating.unused_data:
        raise PoisonRecordError("the gzip body is cut off, or something follows it", reason="not_gzip")
    return found


def _check(message: Mapping[str, Any], size: int, max_bytes: int) -> None:
    if message["type"] == "http.disconnect":
        raise PoisonRecordError("the sender has gone", reason="cut_off")
    if size > max_bytes:
        raise PoisonRecordError(f"more than {max_bytes} bytes: send smaller batches", reason="too_large")
