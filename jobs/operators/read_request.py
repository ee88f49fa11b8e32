"""A request that was published whole → its events, each under its own key."""

from collections.abc import Iterator
from typing import Any

from pyflink.datastream.functions import ProcessFunction, RuntimeContext

from infra.settings import Settings
from jobs.operators.guard import Guard
from jobs.operators.opening import opened_codec
from jobs.operators.wall_clock import now_ms
from jobs.sinks import Publisher, Record, in_rows
from models.collecting.arrival import Parsed
from models.collecting.requests import events_of, letter_of
from schemas.dead_letter import DeadLetter
from schemas.errors import PoisonRecordError
from schemas.ids import lead_key
from schemas.sent_request import SentRequest
from schemas.topics import Topic, Value

STAGE = "map_requests.read_request"
SOURCES = (Topic.REQUESTS_RECEIVED,)


def check_record(record: Value, key: bytes) -> None:
    """Refuse what is no request of the key's tenant."""
    if not isinstance(record, SentRequest):
        raise PoisonRecordError(f"a {type(record).__name__} where a SentRequest belongs", reason="wrong_type")
    if not key.startswith(lead_key(record.tenant, "").encode()):
        raise PoisonRecordError("the key is not the tenant's", reason="invalid")


class ReadRequest(ProcessFunction):
    """Not keyed: it has no state."""

    def __init__(self, settings: Settings, pseudonym_key: bytes) -> None:
        self._settings = settings
        self._pseudonym_key = pseudonym_key

    def open(self, runtime_context: RuntimeContext) -> None:  # noqa: ARG002 - Flink's signature
        """Open the codec."""
        settings = self._settings
        self._codec = opened_codec(settings)
        max_bytes = settings.kafka.max_record_bytes
        self._guard = Guard(STAGE, self._codec, SOURCES, check=check_record, max_bytes=max_bytes, release=settings.release)
        self._publisher = Publisher(settings.kafka)

    @in_rows
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[Record]:  # noqa: ARG002 - Flink's signature
        """Read a request; what of it is no event becomes a dead letter, and so does all of it where nothing can be read."""
        key, data = bytes(value[0] or b""), bytes(value[1] or b"")
        decoded = self._guard.decode(((key,), (data,), (0,)))
        for letter in decoded.dead:
            yield self._letter(letter)
        for request in decoded.values:
            try:
                found = events_of(request, self._pseudonym_key)
            except PoisonRecordError as exc:
                yield self._letter(self._guard.dead_letter(key, data, 0, exc))
            else:
                yield from self._records(request, found)

    def _records(self, request: SentRequest, found: Parsed) -> Iterator[Record]:
        encode = self._codec.encode
        for event in found.events:
            yield self._publisher.record(Topic.EVENTS_RECEIVED, lead_key(event.tenant, event.lead).encode(), encode(event), event.occurred_at)
        for bad in found.bad:
            letter = letter_of(
                bad,
                tenant=request.tenant,
                source=request.source,
                protocol=request.protocol,
                failed_at=now_ms(),
                release=self._settings.release,
            )
            yield self._letter(letter)

    def _letter(self, letter: DeadLetter) -> Record:
        return self._publisher.record(Topic.RECORDS_DEAD, letter.key or b"", self._codec.encode(letter), letter.failed_at)
