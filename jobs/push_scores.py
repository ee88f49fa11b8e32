"""Scores published, as people's overrides have them → CRMs; what became of each push → pushes reported.

Discussion
----------
Order: a lead's pushes follow each other, each the latest score; a score that is not later than what the CRM shows is dropped (ADR 0026).
A lead that proves to be another one's is pushed no more, and its record is that lead's; scores and moves come by two topics and may pass each
other, so a late score of an id that moved is left out.
Lanes are by tenant, not by lead, as an account's quota is one; a tenant's pushes never run in two places.
At-least-once: what has not ended is in state. After a failure the CRM is asked what it shows before anything old is written again.
Overrides and links are read beside scores, in no order between them: whatever comes later has the lead's latest score offered again.
State: overrides that stand; pending pushes, bounded by what a CRM has not taken yet; what each CRM shows of a lead,
kept for 400 days after the last push.
Nothing waits for a CRM: requests run beside the operator, which looks every 50 ms while any is under way.
Never in one interpreter with the latency path (ADR 0002).
"""

from infra.crm.accounts import crm_accounts
from jobs import lanes
from jobs.job import Job
from jobs.operators import push_batch
from jobs.sinks import PUBLISHED
from schemas.topics import Topic


def build(job: Job) -> None:
    """Add the topology to the job's environment.

    Raises
    ------
    ConfigError
        An account of the tenants file is wrong.
    """
    flink = job.settings.flink
    accounts = crm_accounts(job.settings)
    read = [job.sources.read(topic, patience=flink.long_window) for topic in push_batch.SOURCES]
    batches = lanes.batched(job.tables, job.name, read, lanes=flink.lanes, window=flink.long_window, by=lanes.BY_TENANT)
    ended = batches.process(push_batch.PushBatch(job.settings, accounts), PUBLISHED).uid("push_scores.push_batch.v1").name("push_batch")
    job.sinks.publish(ended, [Topic.PUSHES_REPORTED, Topic.METRICS_PUBLISHED, Topic.RECORDS_DEAD])
