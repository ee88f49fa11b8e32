"""What the collector counts, for Prometheus. Never a lead in a tag."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from infra.telemetry import MetricName, Tag

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counts:
    """Counters of one collector."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.received = Counter(
            MetricName.EVENTS_RECEIVED, "events that Kafka has acknowledged", [Tag.TENANT, Tag.SOURCE, Tag.PROTOCOL], registry=self._registry
        )
        self.dead = Counter(MetricName.RECORDS_DEAD, "events that are none, kept whole", [Tag.TENANT, Tag.STAGE, Tag.REASON], registry=self._registry)
        self.clamped = Counter(MetricName.EVENTS_CLAMPED, "events whose sender's clock is absurd", [Tag.TENANT, Tag.SOURCE], registry=self._registry)
        self.refused = Counter(MetricName.REQUESTS_REFUSED, "requests that were not accepted", [Tag.PROTOCOL, Tag.REASON], registry=self._registry)
        self.duration = Histogram(
            MetricName.REQUEST_DURATION,
            "of accepted requests, Kafka's acknowledgement included",
            [Tag.PROTOCOL],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.queued = Gauge(MetricName.RECORDS_QUEUED, "records that wait for Kafka", registry=self._registry)

    def text(self) -> bytes:
        """In Prometheus' format."""
        return generate_latest(self._registry)
