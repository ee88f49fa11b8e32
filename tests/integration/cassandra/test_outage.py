from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.scores import ScoreStore
from connectors.cassandra.writer import ResultsWriter, Retried
from infra.stack import Part, Stack
from schemas.errors import RetriableError
from tests.builders import TENANT
from tests.results import a_score


def test_a_batch_waits_for_cassandra_and_goes_on(stack: Stack, migrated: CassandraConfig):
    """Cassandra goes away under a writer and comes back: the write that was begun in between ends by itself, whole."""
    is_retried, bands = Event(), dict[str, int]()

    def noted(_: Retried) -> None:
        is_retried.set()

    with ResultsWriter(migrated, give_up_after_s=300, on_retry=noted) as writer, ThreadPoolExecutor(1) as pool:
        writer.write([a_score(sequence=1)], bands)
        with stack.without(Part.CASSANDRA):
            written = pool.submit(writer.write, [a_score(sequence=n) for n in range(2, 40)], bands)
            assert is_retried.wait(60)
            assert not written.done()
        assert [] == written.result(timeout=300)

    with CassandraClient(migrated) as client:
        assert a_score(sequence=39) == ScoreStore(client).latest(TENANT, "ada")


def test_a_writer_gives_up_when_it_was_told_to():
    """After its cap the error says that it may be tried again, and the bands are as they were."""
    bands = {"other": 1}
    with ResultsWriter(CassandraConfig(port=9), give_up_after_s=0.3) as writer, pytest.raises(RetriableError, match="connect to Cassandra"):
        writer.write([a_score()], bands)

    assert {"other": 1} == bands
