"""Claims of identity → moves: ids that prove to be one lead's.

Discussion
----------
Order: none matters to who is one: a tenant's people are a function of the set of its claims (ADR 0024). Claims come by tenant in one
partition, so after a failure they are taken in the same order, and the same moves have the same numbers.
Parallelism: tenants are spread over subtasks by the lane of their name; one tenant is stitched by one subtask.
State: what is known of each identifier that was ever seen with another one, some 200 bytes each, and of each id that moved. It is kept for
good: whoever comes back after years is still known. A visitor who never said who he is leaves nothing.
Beside the path of events: a move takes effect some tenths of a second after the event that proves it, and takes along what came between.
"""

from jobs import lanes
from jobs.job import Job
from jobs.operators import stitch_lane
from jobs.sinks import PUBLISHED
from schemas.topics import Topic


def build(job: Job) -> None:
    """Add the topology to the job's environment."""
    flink = job.settings.flink
    claims = job.sources.read(*stitch_lane.SOURCES, patience=flink.long_window)
    batches = lanes.batched(
        job.tables, job.name, [claims], lanes=flink.lanes, window=flink.long_window, by=lanes.BY_TENANT
    )  # lane of the tenant → claims
    moved = batches.process(stitch_lane.StitchLane(job.settings), PUBLISHED).uid("stitch_leads.stitch_lane.v1").name("stitch_lane")
    job.sinks.publish(moved, [Topic.EVENTS_RECEIVED, Topic.LEADS_MOVED, Topic.RECORDS_DEAD])
