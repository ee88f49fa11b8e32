"""A feed in a thread of its own."""

import pytest

from infra.demo.feeding import Feeding
from infra.feed import Fed, OnProgress
from schemas.errors import RetriableError


def awaited(feeding: Feeding) -> Fed | None:
    feeding.start()
    feeding.cancel(within_s=10.0)
    return feeding.fed()


def test_what_was_published_is_known_at_the_end():
    """And how far it came."""

    def feed(_: OnProgress) -> Fed:
        return Fed(3, 1)

    assert Fed(3, 1) == awaited(Feeding(feed))


def test_a_feed_that_fails_fails_where_somebody_waits():
    """Its error is not lost in the thread."""

    def feed(_: OnProgress) -> Fed:
        raise RetriableError("Kafka is away")

    with pytest.raises(RetriableError, match="Kafka is away"):
        awaited(Feeding(feed))


def test_a_feed_is_given_up_at_the_next_record():
    """Ctrl-C does not wait for the end of the data."""

    def feed(show: OnProgress) -> Fed:
        while True:
            show(1, 2)

    feeding = Feeding(feed)
    feeding.start()
    feeding.cancel(within_s=10.0)

    assert (1, 2) == (feeding.done, feeding.total)
