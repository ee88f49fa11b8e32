"""Results into Cassandra: a batch at a time, idempotent, acknowledged whole before the call returns."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple, Self

import stamina
from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent
from cassandra.query import BatchStatement, BatchType, BoundStatement

from connectors.cassandra.admission import Storable, check
from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.errors import RETRY_AFTER_S, error_of, translated
from connectors.cassandra.plan import Write, plan
from connectors.cassandra.ranking import Place
from schemas.errors import PoisonRecordError, RetriableError

STATEMENTS_PER_REQUEST = 8
"""Of one partition. With events of at most 1 MiB a request stays well below Cassandra's limit of 16 MiB."""
SHARED_PARTITIONS = 10
"""Of a request for several partitions: Cassandra warns of more."""
CELL_BYTES = 24
"""What Cassandra counts for each value of a request beside its bytes: times and sizes."""

MAX_WAIT_S = 5.0


class Refused(NamedTuple):
    """A value that no table can hold, and why: for the dead letters."""

    value: Storable
    error: PoisonRecordError


class Retried(NamedTuple):
    """What a writer reports before it tries again. `parts` are still to be acknowledged."""

    attempt: int
    parts: int
    error: str


Writes = Sequence[Write]
"""Of one partition; acknowledged, or sent again, together."""


@dataclass(slots=True)
class _Request:
    """One message to Cassandra: the writes of one or several partitions, bound."""

    parts: list[Writes] = field(default_factory=list)
    statements: list[BoundStatement] = field(default_factory=list)
    size: int = 0

    def has_room(self, size: int, most: int) -> bool:
        return len(self.parts) < SHARED_PARTITIONS and self.size + size <= most

    def add(self, part: Writes, statements: Iterable[BoundStatement], size: int) -> None:
        self.parts.append(part)
        self.statements += statements
        self.size += size

    @property
    def message(self) -> Any:
        if len(self.statements) == 1:
            return self.statements[0]
        batch = BatchStatement(BatchType.UNLOGGED)
        for statement in self.statements:
            batch.add(statement)
        batch.is_idempotent = True
        return batch


class ResultsWriter:
    """Writes what people read.

    Partitions that the same nodes hold share requests: a request costs both sides more than what it carries.

    Parameters
    ----------
    config
        Where Cassandra is; `write_concurrency` bounds the requests under way.
    repeatable
        Tenants whose leads may convert again (`plan`).
    give_up_after_s
        How long a batch is tried while Cassandra is away. Longer than an outage should last: giving up restarts the job.
    on_retry
        Told before every further attempt; the job wires it to logging and metrics.
    """

    def __init__(
        self,
        config: CassandraConfig,
        *,
        repeatable: Set[str] = frozenset(),
        give_up_after_s: float = 600.0,
        on_retry: Callable[[Retried], None] | None = None,
    ) -> None:
        self._client = CassandraClient(config)
        self._concurrency = config.write_concurrency
        self._request_bytes = config.request_bytes
        self._repeatable = repeatable
        self._give_up_after_s = give_up_after_s
        self._on_retry = on_retry
        self._places: set[tuple[str, Place]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def write(self, values: Iterable[Storable], bands: MutableMapping[str, int], accounts: MutableMapping[str, str] | None = None) -> list[Refused]:
        """Write a batch; every row is acknowledged when this returns, and writing it again changes nothing.

        Parameters
        ----------
        values
            Results of any kinds in any order.
        bands
            `tenant|lead` → rank last written, of a row or of an outcome; updated when all is acknowledged. Backed by state, so that a lead leaves
            its old band. A value fits a signed 64-bit integer.
        accounts
            `tenant|lead` → the account in whose list it was last written; kept as `bands` are. Without it no lead leaves an account.

        Returns
        -------
        The values that no table can hold; the others are written.

        Raises
        ------
        RetriableError
            Cassandra was away for `give_up_after_s`. A part may be written; `bands` and `accounts` are as before, so the same batch can be
            written again.
        FatalError, ConfigError
            A table is missing, or the credentials are wrong.
        """
        good: list[Storable] = []
        refused: list[Refused] = []
        for value in values:
            try:
                check(value)
            except PoisonRecordError as exc:
                refused.append(Refused(value, exc))
            else:
                good.append(value)
        accounts = {} if accounts is None else accounts
        planned = plan(good, bands, self._places, accounts=accounts, repeatable=self._repeatable)
        self._deliver([part for writes in planned.writes.values() for part in _parted(writes)])
        self._places |= planned.places
        bands.update(planned.ranks)
        accounts.update(planned.accounts)
        return refused

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _deliver(self, parts: Sequence[Writes]) -> None:
        pending, reason = parts, ""
        attempts = stamina.retry_context(on=RetriableError, attempts=None, timeout=self._give_up_after_s, wait_initial=0.1, wait_max=MAX_WAIT_S)
        for attempt in attempts:
            if attempt.num > 1 and self._on_retry is not None:
                self._on_retry(Retried(attempt.num, len(pending), reason))
            with attempt:
                try:
                    pending, failure = self._failed(pending)
                    if failure is not None:
                        raise failure
                except RetriableError as exc:
                    reason = str(exc)
                    raise

    def _failed(self, parts: Sequence[Writes]) -> tuple[Sequence[Writes], RetriableError | None]:
        """Send all; give back what is to be sent again and why. Raises at once what no repeat will mend."""
        with translated("write results"):
            session = self._client.session()
            requests = list(self._requests(session, parts))
            messages = [(request.message, None) for request in requests]
            results = execute_concurrent(session, messages, concurrency=self._concurrency, raise_on_first_error=False)
        failed: list[Writes] = []
        first: Exception | None = None
        for request, (is_success, answer) in zip(requests, results, strict=True):
            if not is_success:
                failed += request.parts
                error = error_of(answer, "write results")
                if not isinstance(error, RetriableError):
                    raise error from answer
                first = first or answer
        if first is None:
            return failed, None
        failure = RetriableError(f"{len(failed)} of {len(parts)} writes failed: {type(first).__name__}: {first}", retry_after_s=RETRY_AFTER_S)
        failure.__cause__ = first
        return failed, failure

    def _requests(self, session: Session, parts: Sequence[Writes]) -> Iterator[_Request]:
        nodes, keyspace = session.cluster.metadata, session.keyspace
        # a single node holds everything: no token need be computed to know that, which the driver does in Python
        alone = frozenset(nodes.all_hosts()) if len(nodes.all_hosts()) == 1 else None
        shared: dict[frozenset[Any], _Request] = {}
        for part in parts:
            bound = [self._client.binder(write.query).bind(write.parameters) for write in part]
            size = sum(CELL_BYTES + len(value) for statement in bound for value in statement.values if isinstance(value, bytes))
            replicas = alone or frozenset(nodes.get_replicas(keyspace, bound[0].routing_key))
            request = shared.get(replicas)
            if request is None or not replicas or not request.has_room(size, self._request_bytes):
                if request is not None:
                    yield request
                request = shared[replicas] = _Request()
            request.add(part, bound, size)
        yield from shared.values()


def _parted(writes: Writes) -> Iterator[Writes]:
    remaining = iter(writes)
    while part := list(islice(remaining, STATEMENTS_PER_REQUEST)):
        yield part
