"""What each of the driver's exceptions means to us: the edge where they become our own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import cassandra
from cassandra import cluster, connection, metadata, pool, protocol, query, segment

from schemas.errors import ConfigError, FatalError, ProxError, RetriableError

RETRY_AFTER_S = 1.0
"""Cassandra never says how long to wait; the driver tries to reconnect every second."""

MEANINGS: Mapping[type[Exception], type[ProxError]] = {
    # it is away, busy, or a replica did not answer: the same call may succeed later
    cluster.NoHostAvailable: RetriableError,
    connection.ConnectionBusy: RetriableError,
    connection.ConnectionException: RetriableError,
    pool.NoConnectionsAvailable: RetriableError,
    segment.CrcException: RetriableError,
    cassandra.OperationTimedOut: RetriableError,
    cassandra.RequestExecutionException: RetriableError,
    cassandra.UnresolvableContactPoints: RetriableError,
    protocol.RequestExecutionException: RetriableError,
    protocol.ServerError: RetriableError,
    # a person must change the settings
    cassandra.AuthenticationFailed: ConfigError,
    cassandra.Unauthorized: ConfigError,
    protocol.BadCredentials: ConfigError,
    protocol.UnauthorizedErrorMessage: ConfigError,
    connection.ProtocolVersionUnsupported: ConfigError,
    # our own statement, schema or driver is wrong: no repeat will help
    cassandra.FunctionFailure: FatalError,
    cassandra.DependencyException: FatalError,
    cassandra.DriverException: FatalError,
    cluster.QueryExhausted: FatalError,
    cluster.UserTypeDoesNotExist: FatalError,
    connection.ProtocolError: FatalError,
    metadata.NoMurmur3: FatalError,
    protocol.ErrorMessage: FatalError,
    protocol.InternalError: FatalError,
    protocol.NotSupportedError: FatalError,
    query.TraceUnavailable: FatalError,
}
"""Driver's exception → ours; an exception that is not here means what its nearest ancestor means."""

DRIVER_ERRORS = tuple(MEANINGS)


def meaning_of(exc: Exception) -> type[ProxError]:
    """Which of our errors an exception of the driver is."""
    if isinstance(exc, cluster.NoHostAvailable):
        inner = exc.errors.values() if isinstance(exc.errors, dict) else exc.errors or ()
        if any(isinstance(error, cassandra.AuthenticationFailed) for error in inner):
            return ConfigError
    return next((MEANINGS[kind] for kind in type(exc).__mro__ if kind in MEANINGS), FatalError)


def error_of(exc: Exception, action: str) -> ProxError:
    """Our error for an exception of the driver, which is to be its cause; says what was being done."""
    meaning = meaning_of(exc)
    message = f"cannot {action}: {type(exc).__name__}: {exc}"
    return RetriableError(message, retry_after_s=RETRY_AFTER_S) if meaning is RetriableError else meaning(message)


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Lets no exception of the driver out. `action` completes "cannot …" and names no person."""
    try:
        yield
    except DRIVER_ERRORS as exc:
        raise error_of(exc, action) from exc
