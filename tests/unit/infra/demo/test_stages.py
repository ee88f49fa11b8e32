"""When a demo is done."""

from datetime import timedelta

from connectors.kafka.lag import Reach
from infra.demo.stages import STAGES, Settled
from infra.demo.watching import quiet_s
from infra.settings import FlinkConfig
from schemas.topics import Topic


def test_work_that_is_behind_is_not_done():
    """However long nothing moves."""
    settled = Settled(quiet_s=10.0)

    assert [False, False] == [settled.is_settled({"scored": Reach(5, 1)}, at) for at in (0.0, 100.0)]


def test_done_is_when_nothing_has_moved_for_a_while():
    """A late example begins the wait anew."""
    settled = Settled(quiet_s=10.0)
    told = [(Reach(5, 0), 0.0), (Reach(5, 0), 9.0), (Reach(6, 0), 10.0), (Reach(6, 0), 19.0), (Reach(6, 0), 20.0)]

    assert [False, False, False, False, True] == [settled.is_settled({"learned": reach}, at) for reach, at in told]


def test_what_a_checkpoint_may_still_bring_is_waited_for():
    """The quiet time is longer than a checkpoint's interval and the idle timeout together."""
    flink = FlinkConfig(checkpoint_interval=timedelta(seconds=5), idle_timeout=timedelta(seconds=2))

    assert quiet_s(flink) > 7.0


def test_every_topic_that_a_job_reads_is_watched():
    """But for dead letters and what CRMs' webhooks told, which no job reads; and for moves and requests, as a demo has no collector.

    Moves are followed by pushes alone, a stage of their own.
    """
    watched = {topic for stage in STAGES for topic in stage.reads}

    assert set(Topic) - {Topic.RECORDS_DEAD, Topic.REQUESTS_RECEIVED, Topic.CHANGES_NOTICED, Topic.LEADS_MOVED} == watched
