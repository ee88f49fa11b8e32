"""A record that can never succeed, kept whole with its reason."""

from typing import NamedTuple

from schemas.ids import Millis


class DeadLetter(NamedTuple):
    """A dead record. Key: the record's own key. `value` is the record's own value, whole.

    `stage` is the operator that gave up (`enrich_events.enrich_lane`), `topic` where the record was read,
    `reason` one word of a closed set (`schemas.errors.PoisonRecordError`), `message` what a person reads;
    `processor_version` is the release of ProX that gave up, so a later one may try again.
    """

    stage: str
    topic: str
    reason: str
    message: str
    processor_version: str
    failed_at: Millis
    key: bytes | None
    value: bytes
