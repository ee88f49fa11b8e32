"""What people decide, onto the log: acknowledged by Kafka before it is answered, so that a replay keeps it."""

from threading import Lock
from typing import Protocol

from connectors.kafka.config import KafkaConfig
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from schemas.ids import lead_key
from schemas.override import Override
from schemas.topics import Topic

TIMEOUT_S = 5.0
"""A person waits: better an honest 503 than a late answer."""


class Decisions(Protocol):
    """Where decisions go."""

    def decide(self, override: Override) -> None:
        """Publish it. Raises RetriableError while that cannot be done: it may be decided again."""


class KafkaDecisions:
    """Decisions by one producer, which is opened by the first of them."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._lock = Lock()
        self._producer: Producer | None = None

    def decide(self, override: Override) -> None:
        """Publish it, and wait for the acknowledgement."""
        with self._lock:  # a producer's flush is of all that it was given
            if self._producer is None:
                self._producer = Producer(self._config, Registry(self._config).codec())
            key = lead_key(override.tenant, override.lead)
            self._producer.publish(Topic.OVERRIDES_DECIDED, override, key=key, at=override.decided_at)
            self._producer.flush(TIMEOUT_S)
