"""Requests received → events received; the bad ones among them → dead letters.

Discussion
----------
Order: one person's requests are in one partition, and a request's events are published in the sender's order.
At-least-once: after a failure a request is read again. Its events have the same ids, so `enrich_events` takes each once.
State: none. A request is a batch already, so there are no lanes and no windows: it is read when it comes.
Only requests of many events come here; the collector reads the others itself (ADR 0035).
"""

from pyflink.common import Types

from infra.keying import pseudonym_key
from jobs.job import Job
from jobs.operators import read_request
from jobs.sinks import BYTES, PUBLISHED
from schemas.topics import Topic


def build(job: Job) -> None:
    """Add the topology to the job's environment.

    Raises
    ------
    ConfigError
        The secret that addresses are hashed with is missing.
    """
    received = job.sources.read(Topic.REQUESTS_RECEIVED)
    requests = job.tables.to_append_stream(job.tables.sql_query(f"SELECT k, v FROM {received.table}"), Types.ROW([BYTES, BYTES]))
    read = (
        requests.process(read_request.ReadRequest(job.settings, pseudonym_key(job.settings)), PUBLISHED)
        .uid("map_requests.read_request.v1")
        .name("read_request")
    )
    job.sinks.publish(read, [Topic.EVENTS_RECEIVED, Topic.RECORDS_DEAD])
