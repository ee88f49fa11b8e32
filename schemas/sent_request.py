"""A request as its sender wrote it: what the collector publishes whole, to be read as events later."""

from typing import NamedTuple

from schemas.ids import Millis


class SenderWords(NamedTuple):
    """All of a request that may name a person: the sender's address as it may be kept, and the body."""

    ip: str | None
    body: bytes


class SentRequest(NamedTuple):
    """An accepted request. Key: `tenant|` and a hash of whom its first event names, so that one person's requests keep their order.

    Parameters
    ----------
    tenant, source
        Of the write key.
    request_id
        Of the collector; events without an id of their own get one of it and their position, so another reading gives the same ids.
    protocol
        What the body is written in (`models.collecting.requests`).
    received_at
        When the body was read. Also the record's Kafka timestamp.
    person
        What may name somebody. The body is JSON, inflated.
    user_agent, country
        From headers.
    gpc
        `Sec-GPC: 1`.
    keeps_ip
        Whether whole addresses may be kept.
    is_anonymous
        Snowplow's `SP-Anonymous`.
    max_event_bytes
        Larger events are dead letters.
    """

    tenant: str
    source: str
    request_id: str
    protocol: str
    received_at: Millis
    person: SenderWords
    user_agent: str | None = None
    country: str | None = None
    gpc: bool = False
    keeps_ip: bool = False
    is_anonymous: bool = False
    max_event_bytes: int = 32_768
