"""One connection to Cassandra: opened when first needed, statements prepared once, no exception of the driver let out."""

from collections.abc import Iterable, Sequence
from threading import Lock
from types import TracebackType
from typing import Any, Self

from cassandra import ConsistencyLevel, ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.concurrent import execute_concurrent
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import PreparedStatement

from connectors.cassandra.binding import Binder
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.errors import RETRY_AFTER_S, error_of, translated

CONNECT_TIMEOUT_S = 5.0
"""At least; the driver's own 2 s for reading the schema are too short while a small machine is busy making tables."""

Row = Any
"""A named tuple whose names are the columns asked for: the driver makes the type as it reads."""


class CassandraClient:
    """A session that may be shared by threads.

    Parameters
    ----------
    config
        Where Cassandra is.
    has_keyspace
        Whether to use the configured keyspace; False only for the one who makes it.
    request_timeout_s
        How long one statement may take.
    """

    def __init__(self, config: CassandraConfig, *, has_keyspace: bool = True, request_timeout_s: float = 10.0) -> None:
        self._config = config
        self._keyspace = config.keyspace if has_keyspace else None
        self._request_timeout_s = request_timeout_s
        self._lock = Lock()
        self._session: Session | None = None
        self._binders: dict[str, Binder] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def session(self) -> Session:
        """The driver's session.

        Raises
        ------
        RetriableError
            Cassandra is away; the next call tries again.
        """
        if self._session is None:
            with self._lock:
                if self._session is None:
                    self._session = self._connected()
        return self._session

    def binder(self, query: str) -> Binder:
        """What binds parameters to a query; its statement is prepared when first asked for."""
        binder = self._binders.get(query)
        if binder is None:
            with translated("prepare a statement"):
                prepared = self.session().prepare(query)
            prepared.is_idempotent = True  # every statement of ours is: so the driver may repeat it
            binder = self._binders[query] = Binder(prepared)
        return binder

    def prepare(self, query: str) -> PreparedStatement:
        """The prepared statement of a query."""
        return self.binder(query).prepared

    def rows(self, query: str, parameters: Sequence[object] = ()) -> Iterable[Row]:
        """The rows that answer a query, fetched page by page as they are walked over."""
        prepared = self.prepare(query)
        with translated("read"):
            yield from self.session().execute(prepared, parameters)

    def row(self, query: str, parameters: Sequence[object] = ()) -> Row | None:
        """The first row that answers a query."""
        return next(iter(self.rows(query, parameters)), None)

    def rows_of_all(self, query: str, parameters: Iterable[Sequence[object]], *, concurrency: int = 16) -> Iterable[Row]:
        """The rows that answer one query for many parameters, asked at once, in the order of the parameters."""
        prepared = self.prepare(query)
        with translated("read"):
            for result in execute_concurrent(self.session(), [(prepared, p) for p in parameters], concurrency=concurrency, raise_on_first_error=True):
                yield from result.result_or_exc

    def close(self) -> None:
        """End the connection; what is asked later opens another."""
        with self._lock:
            session, self._session = self._session, None
            self._binders.clear()
        if session is not None:
            session.cluster.shutdown()

    def _connected(self) -> Session:
        config = self._config
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(config.local_datacenter)),
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,  # what is acknowledged is read by the next one who asks
            request_timeout=self._request_timeout_s,
        )
        password = config.password.get_secret_value() if config.password else None
        cluster = Cluster(
            list(config.contact_points),
            port=config.port,
            auth_provider=PlainTextAuthProvider(config.username, password) if config.username else None,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            protocol_version=ProtocolVersion.V5,
            connect_timeout=max(CONNECT_TIMEOUT_S, self._request_timeout_s),
            control_connection_timeout=max(CONNECT_TIMEOUT_S, self._request_timeout_s),
            reconnection_policy=ConstantReconnectionPolicy(RETRY_AFTER_S, max_attempts=None),
        )
        try:
            return cluster.connect(self._keyspace)
        except Exception as exc:  # the driver's threads must end, whatever went wrong
            cluster.shutdown()
            raise error_of(exc, f"connect to Cassandra at {', '.join(config.contact_points)} port {config.port}") from exc
