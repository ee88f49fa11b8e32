"""Events enriched and outcomes → a score for every event, and examples whose labels are known.

Discussion
----------
Order: a lead's events are remembered in the order of their partition. Events and outcomes come by two topics and may pass each other:
an outcome that arrives first is kept with its lead, and events before it are scored and labelled as they come.
Late events are remembered with the weight of their age and scored as of the lead's latest event.
Labels: known when event time has passed the end of their interval, never before; at most ten minutes after (the due queue's buckets).
State: for each lead 841 bytes and up to 19 scoring points of about 190; points go when their window is over, leads when they were silent
for the retention's `lead_memory_days`. Both are drained by one timer for each lane.
Merges: a lead that proves to be another one's gives its memory away in an event of that lead, behind all of its own (ADR 0033); what is
heard of it later, outcomes, goes to the lead that it is part of.
"""

from pyflink.common import Duration, Types, WatermarkStrategy

from jobs import lanes
from jobs.job import Job
from jobs.operators import score_lane
from jobs.operators.lane_models import models_state
from jobs.sinks import BYTES, PUBLISHED
from schemas.topics import Topic


def build(job: Job) -> None:
    """Add the topology to the job's environment."""
    flink = job.settings.flink
    read = [None if topic in job.handed else job.sources.read(topic) for topic in score_lane.SOURCES]
    handed = [job.handed[topic] for topic in score_lane.SOURCES if topic in job.handed]
    # lane → events and outcomes, still bytes
    batches = lanes.batched(job.tables, job.name, read, lanes=flink.lanes, window=flink.window, handed=handed)
    published = job.sources.read(Topic.MODELS_PUBLISHED)
    snapshots = job.tables.to_append_stream(job.tables.sql_query(f"SELECT k, v FROM {published.table}"), Types.ROW([BYTES, BYTES]))
    models = snapshots.assign_timestamps_and_watermarks(_timeless()).broadcast(models_state())  # tenant → snapshot, nightly base
    scored = (
        batches.connect(models)
        .process(score_lane.ScoreLane(job.settings, job.settings.policies(), job.settings.pool()), PUBLISHED)
        .uid("score_leads.score_lane.v1")
        .name("score_lane")
    )
    job.sinks.publish(scored, [Topic.SCORES_PUBLISHED, Topic.EXAMPLES_MATURED, Topic.EVENTS_RECEIVED, Topic.OUTCOMES_RECEIVED, Topic.RECORDS_DEAD])


def _timeless() -> WatermarkStrategy:
    """Models are of no event time: their stream is idle from its start on, so that it neither holds time back nor carries it away.

    With any watermark of its own it would be the only one that tells time while no events come: a silence of two seconds would end every
    open interval and forget every lead.
    """
    return WatermarkStrategy.no_watermarks().with_idleness(Duration.of_millis(1))
