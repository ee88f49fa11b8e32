"""Logs: one JSON object a line on stdout, pretty on a terminal; keys from one list."""

import logging
import sys
from enum import StrEnum
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


class Key(StrEnum):
    """Every key that a line may carry. Ids, counts and reasons: never a name, an address, a token or a payload."""

    TENANT_ID = "tenant_id"
    LEAD_ID = "lead_id"
    EVENT_ID = "event_id"
    JOB = "job"
    OPERATOR = "operator"
    LANE = "lane"
    CRM = "crm"
    MODEL_VERSION = "model_version"
    ATTEMPT = "attempt"
    ERROR_TYPE = "error_type"
    DURATION_MS = "duration_ms"
    COUNT = "count"
    REASON = "reason"
    STAGE = "stage"
    STATUS = "status"
    TOPIC = "topic"
    TABLE = "table"
    METHOD = "method"
    ROUTE = "route"
    REQUEST_ID = "request_id"


class LogEvent(StrEnum):
    """Every line's event: a noun and what happened to it."""

    JOB_STARTED = "job.started"
    OPERATOR_OPENED = "operator.opened"
    RECORD_DEAD_LETTERED = "record.dead_lettered"
    SCORE_PUBLISHED = "score.published"
    MODEL_PUBLISHED = "model.published"
    MODEL_RESTORED = "model.restored"
    BATCH_STORED = "batch.stored"
    STORE_RETRIED = "store.retried"
    REGISTRY_RETRIED = "registry.retried"
    PUSH_RETRIED = "push.retried"
    ACCOUNT_CHANGED = "account.changed"
    REQUEST_SERVED = "request.served"
    REQUEST_FAILED = "request.failed"


_OWN = frozenset({"event", "level", "timestamp", "logger", "exception", "exc_info", "stack", "stack_info", "_record", "_from_structlog"})
"""What structlog itself puts into a line."""
_ALLOWED = _OWN | frozenset(Key)


def only_known_keys(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Leave out what is not in `Key`, and say which keys those were: their values may name a person.

    Examples
    --------
    >>> only_known_keys(None, "info", {"event": "score.published", "count": 3, "email": "a@example.org"})
    {'event': 'score.published', 'count': 3, 'dropped_keys': ['email']}
    """
    dropped = sorted(key for key in line if key not in _ALLOWED)
    kept: EventDict = {key: value for key, value in line.items() if key in _ALLOWED}
    if dropped:
        kept["dropped_keys"] = dropped
    return kept


def configure(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Set logging up for this process; libraries that use the standard library's logging come out the same way.

    Parameters
    ----------
    level
        The lowest level that is written.
    stream
        None is stdout; pretty when it is a terminal.
    """
    out = stream or sys.stdout
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a later call must reach loggers that were used before it
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(pretty=out.isatty())))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # it tells each request's address, a line a request; that of a tenant's webhook is a secret
    logging.getLogger("httpx").setLevel(max(level, logging.WARNING))


def _rendering(*, pretty: bool) -> list[Processor]:
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if pretty:
        return [without_meta, only_known_keys, structlog.dev.ConsoleRenderer()]
    as_json = structlog.processors.JSONRenderer(serializer=lambda line, **_: orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode())
    return [without_meta, structlog.processors.format_exc_info, only_known_keys, as_json]


def get_logger(**bound: object) -> structlog.stdlib.BoundLogger:
    """A logger with these keys bound to every line."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()
    return logger.bind(**bound)
