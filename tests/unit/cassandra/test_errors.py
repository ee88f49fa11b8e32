import inspect
import pickle
from types import ModuleType

import cassandra
import pytest
from cassandra import auth, cluster, concurrent, connection, marshal, metadata, policies, pool, protocol, query, segment

from connectors.cassandra.errors import MEANINGS, error_of, meaning_of, translated
from schemas.errors import ConfigError, FatalError, RetriableError

MODULES: tuple[ModuleType, ...] = (cassandra, auth, cluster, concurrent, connection, marshal, metadata, policies, pool, protocol, query, segment)


def _driver_exceptions() -> set[type[Exception]]:
    found = (member for module in MODULES for _, member in inspect.getmembers(module, inspect.isclass))
    return {kind for kind in found if issubclass(kind, Exception) and kind.__module__.startswith("cassandra")}


def test_no_exception_of_the_driver_is_without_meaning():
    """Every exception class of the driver has an ancestor in the table."""
    unknown = {kind for kind in _driver_exceptions() if not any(parent in MEANINGS for parent in kind.__mro__)}

    assert set() == unknown


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (cluster.NoHostAvailable("away", {}), RetriableError),
        (cassandra.ReadTimeout("slow"), RetriableError),
        (cassandra.Unavailable("few"), RetriableError),
        (cassandra.OperationTimedOut(), RetriableError),
        (connection.ConnectionShutdown("gone"), RetriableError),
        (cluster.NoHostAvailable("refused", {"a": cassandra.AuthenticationFailed("no")}), ConfigError),
        (cassandra.Unauthorized("no"), ConfigError),
        (cassandra.InvalidRequest("no such table"), FatalError),
        (cassandra.FunctionFailure("no such", "prox", "f", []), FatalError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_exception_means_what_is_to_be_done(exc: Exception, expected: type[Exception]):
    """Away or busy is retried; credentials stop at the person; a wrong statement stops the job."""
    assert expected is meaning_of(exc)


def test_the_driver_s_exception_is_the_cause_of_ours():
    """What went wrong below is not lost, and our error survives a pickle."""
    original = cassandra.ReadTimeout("slow")

    with pytest.raises(RetriableError, match="cannot read") as caught, translated("read"):
        raise original

    assert original is caught.value.__cause__
    assert str(caught.value) == str(pickle.loads(pickle.dumps(error_of(original, "read"))))
