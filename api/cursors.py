"""Cursors: a position in an answer as opaque text, good only for the question it came from."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from zlib import crc32

import orjson

from api.problems import ProblemError

MAX_CURSOR_LENGTH = 8_192
Part = int | float | str


def encode(question: str, position: tuple[Part, ...]) -> str:
    """The cursor of a position in the answer to a question (its path and filters)."""
    data = orjson.dumps([_fingerprint(question), *position])
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(question: str, cursor: str, *types: type[Part]) -> tuple[Part, ...]:
    """The position that a cursor stands for, its parts of these types.

    Raises
    ------
    ProblemError
        400: the text is no cursor, or comes from another question.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = orjson.loads(urlsafe_b64decode(padded))
    except (UnicodeEncodeError, Base64Error, ValueError) as exc:
        raise _bad("it is not one that this API gave") from exc
    if not isinstance(parts, list) or [int, *types] != [type(part) for part in parts]:
        raise _bad("it is not one that this API gave")
    fingerprint, *position = parts
    if fingerprint != _fingerprint(question):
        raise _bad("it belongs to a request with another path or other filters")
    if any(not 0 <= part < 1 << 63 for part in position if isinstance(part, int)) or encode(question, tuple(position)) != cursor:
        raise _bad("it is not one that this API gave")
    return tuple(position)


def _fingerprint(question: str) -> int:
    return crc32(question.encode("utf-8", "surrogatepass"))


def _bad(why: str) -> ProblemError:
    return ProblemError(400, "bad-cursor", f"The cursor cannot be used: {why}. Ask again without a cursor.")
