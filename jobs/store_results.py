"""Everything that people read → Cassandra.

Discussion
----------
Order: writes carry timestamps of their own, so a repeat or a late arrival never overwrites a newer row.
At-least-once: a batch is acknowledged before the operator returns; after a failure it is written again, to the same rows.
State: the last rank of each lead, so that it leaves its old place in the ranking; an outcome is a rank without a place. And the account in
whose list it stands, of leads that have one.
Never in one interpreter with the latency path: it would wait for the driver's threads (ADR 0002).
"""

from jobs import lanes
from jobs.job import Job
from jobs.operators import write_batch
from jobs.sinks import PUBLISHED
from schemas.topics import Topic


def build(job: Job) -> None:
    """Add the topology to the job's environment."""
    flink = job.settings.flink
    read = [job.sources.read(topic, patience=flink.long_window) for topic in write_batch.SOURCES]
    batches = lanes.batched(job.tables, job.name, read, lanes=flink.lanes, window=flink.long_window)
    writing = write_batch.WriteBatch(job.settings, job.settings.policies())
    refused = batches.process(writing, PUBLISHED).uid("store_results.write_batch.v1").name("write_batch")
    job.sinks.publish(refused, [Topic.RECORDS_DEAD])
