"""Names and tags of metrics: `prox_<noun>_<unit>[_total]`, in base units. Never a lead in a tag."""

from enum import StrEnum


class MetricName(StrEnum):
    """Every metric of ProX."""

    EVENTS_RECEIVED = "prox_events_received_total"
    EVENTS_CLAMPED = "prox_events_clamped_total"
    REQUESTS_REFUSED = "prox_requests_refused_total"
    RECORDS_QUEUED = "prox_records_queued"
    EVENTS_ENRICHED = "prox_events_enriched_total"
    EVENTS_REPEATED = "prox_events_repeated_total"
    EVENTS_SCORED = "prox_events_scored_total"
    RECORDS_DEAD = "prox_records_dead_total"
    EXAMPLES_MATURED = "prox_examples_matured_total"
    EXAMPLES_LEARNED = "prox_examples_learned_total"
    MODELS_PUBLISHED = "prox_models_published_total"
    ROWS_STORED = "prox_rows_stored_total"
    STORE_RETRIED = "prox_store_retried_total"
    BATCH_DURATION = "prox_batch_duration_seconds"
    STORE_DURATION = "prox_store_duration_seconds"
    SCORE_LATENCY = "prox_score_latency_seconds"
    MEMORIES_CACHED = "prox_memories_cached"
    PUSHES_SKIPPED = "prox_pushes_skipped_total"
    PUSHES_RETRIED = "prox_pushes_retried_total"
    TENANTS_BLOCKED = "prox_tenants_blocked"
    REQUEST_DURATION = "prox_request_duration_seconds"


class Tag(StrEnum):
    """Every tag of a metric; each has few values."""

    TENANT = "tenant"
    SOURCE = "source"
    PROTOCOL = "protocol"
    JOB = "job"
    OPERATOR = "operator"
    STAGE = "stage"
    ERROR_TYPE = "error_type"
    REASON = "reason"
    TABLE = "table"
    CRM = "crm"
    METHOD = "method"
    ROUTE = "route"
    STATUS = "status"
