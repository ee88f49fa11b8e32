"""A record that cannot be read becomes a dead letter, whole; the rest of its batch goes on."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import stamina

from jobs.operators.wall_clock import now_ms
from schemas.codec import Codec
from schemas.dead_letter import DeadLetter
from schemas.errors import PoisonRecordError, RetriableError
from schemas.topics import Topic, Value

REGISTRY_PATIENCE_S = 3_600.0
"""A job waits so long for a registry that is away before Flink restarts it, to wait again."""


class Decoded(NamedTuple):
    """What a batch held: readable values in order, and the dead."""

    values: list[Any]
    dead: list[DeadLetter]


class Guard:
    """Reads batches.

    Parameters
    ----------
    stage
        Job and operator, for the dead letters.
    codec
        Bytes → values.
    topics
        Topic of each origin in a batch.
    check
        Refuses, by PoisonRecordError, a value that can be read but means nothing; also given the record's key.
    max_bytes
        Larger values are dead at once.
    release
        What runs, for the dead letters.
    """

    def __init__(
        self, stage: str, codec: Codec, topics: Sequence[Topic], *, check: Callable[[Value, bytes], None], max_bytes: int, release: str
    ) -> None:
        self._stage = stage
        self._codec = codec
        self._topics = topics
        self._check = check
        self._max_bytes = max_bytes
        self._release = release

    def decode(self, batch: Sequence[Any]) -> Decoded:
        """The values of a lane's batch (`jobs.lanes.BATCH`)."""
        values: list[Value] = []
        dead: list[DeadLetter] = []
        for key, value, origin in zip(batch[0], batch[1], batch[2], strict=True):
            key_bytes, value_bytes = bytes(key), bytes(value)
            try:
                read = self._read(value_bytes)
                self._check(read, key_bytes)
                values.append(read)
            except PoisonRecordError as exc:
                dead.append(self.dead_letter(key_bytes, value_bytes, origin, exc))
        return Decoded(values, dead)

    def dead_letter(self, key: bytes, value: bytes, origin: int, error: PoisonRecordError) -> DeadLetter:
        """The record, whole, with its reason."""
        return DeadLetter(
            stage=self._stage,
            topic=self._topics[origin].value,
            reason=error.reason,
            message=str(error),
            processor_version=self._release,
            failed_at=now_ms(),
            key=key,
            value=value,
        )

    def _read(self, value: bytes) -> Value:
        if len(value) > self._max_bytes:
            raise PoisonRecordError(f"{len(value)} bytes, more than the {self._max_bytes} that are read", reason="too_large")
        try:
            return self._codec.decode(value)
        except RetriableError:
            return _patiently(lambda: self._codec.decode(value))


@stamina.retry(on=RetriableError, attempts=None, timeout=REGISTRY_PATIENCE_S, wait_max=5.0)
def _patiently(read: Callable[[], Value]) -> Value:
    return read()
