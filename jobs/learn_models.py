"""Matured examples, and choices of a champion → model snapshots and metrics, tenant by tenant.

Discussion
----------
Order: a tenant's examples are learned in the order of their partition; examples of several lanes mix as they come.
Parallelism: tenants are spread over subtasks by the lane of their name; one tenant is learned by one subtask.
State: a learner for each tenant as of some moment with the examples learned since, kept while the tenant is ours; how far each lead's
labels were learned, some 20 bytes a lead, kept for one to two years of event time after its last label.
After a failure examples since the last checkpoint are learned again on the state of that checkpoint, so none of this job's own
repeats counts twice; nor do those that score_leads publishes again after a failure of its own, as they get a lead no further.
A snapshot's version is how many examples it has learned, so what is published again under a learner and version is the same model.
A choice of a champion comes by its own topic and may be followed some examples sooner or later after a failure; each counts once.
Wrong for now: an outcome that is late, and heard of just before a failure, may be published again with another label: the first counts.
"""

from jobs import lanes
from jobs.job import Job
from jobs.operators import learn_tenant
from jobs.sinks import PUBLISHED
from schemas.topics import Topic


def build(job: Job) -> None:
    """Add the topology to the job's environment."""
    flink = job.settings.flink
    read = [job.sources.read(topic, patience=flink.long_window) for topic in learn_tenant.SOURCES]
    batches = lanes.batched(job.tables, job.name, read, lanes=flink.lanes, window=flink.long_window)  # lane of the tenant → examples, choices
    learned = (
        batches.process(learn_tenant.LearnTenant(job.settings, job.settings.policies(), job.settings.pool()), PUBLISHED)
        .uid("learn_models.learn_tenant.v1")
        .name("learn_tenant")
    )
    job.sinks.publish(learned, [Topic.MODELS_PUBLISHED, Topic.METRICS_PUBLISHED, Topic.RECORDS_DEAD])
