"""A CRM's instants ↔ milliseconds."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def millis_of(text: str) -> int:
    """Milliseconds of an ISO 8601 instant; without an offset it is in UTC. Raises ValueError for anything else.

    Examples
    --------
    >>> millis_of("1970-01-01T00:00:01.500Z"), millis_of("1970-01-01T01:00:00.000+0100")
    (1500, 0)
    """
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (at - _EPOCH) // timedelta(milliseconds=1)


def text_of(ms: int) -> str:
    """ISO 8601 in UTC, to the millisecond.

    Examples
    --------
    >>> text_of(1_500)
    '1970-01-01T00:00:01.500Z'
    """
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
