"""Events received → events enriched, each once, under the lead that they are of; what they say of identity → claims; the unreadable → dead letters.

Discussion
----------
Order: a lead's events are enriched in the order of their partition; producers key by `tenant|lead`.
Late events are enriched like any other; the profile they get is the one known when they arrive, not the one of their time.
Identity: an event of an id that stands for another lead comes back to this job under that lead's key (ADR 0033). Moves come in the id's own
stream of events received, so after a failure each is met in the same place.
State: a profile and the last day's event ids for each lead; a lead silent for the retention's `lead_memory_days` is forgotten.
Beside score_leads in one program the batch of enriched events goes on to it at once, not by way of Kafka (ADR 0028).
Wrong on purpose: two events with one id under two leads of a tenant both pass, as the id is looked up beside the lead (ADR 0006).
"""

from jobs import lanes
from jobs.job import Job
from jobs.operators import enrich_lane
from jobs.sinks import PUBLISHED
from schemas.topics import Topic


def build(job: Job) -> None:
    """Add the topology to the job's environment."""
    flink = job.settings.flink
    received = job.sources.read(*enrich_lane.SOURCES)
    batches = lanes.batched(job.tables, job.name, [received], lanes=flink.lanes, window=flink.window)  # lane → events, still bytes
    hands_over = "score_leads" in job.companions
    enriched = (
        batches.process(enrich_lane.EnrichLane(job.settings, job.settings.enrichment_policies(), hands_over=hands_over), PUBLISHED)
        .uid("enrich_events.enrich_lane.v1")
        .name("enrich_lane")
    )
    if hands_over:
        enriched.set_buffer_timeout(lanes.AT_ONCE)
        job.handed[Topic.EVENTS_ENRICHED] = enrich_lane.handed_over(enriched)
    job.sinks.publish(enriched, [Topic.EVENTS_ENRICHED, Topic.EVENTS_RECEIVED, Topic.IDENTITIES_CLAIMED, Topic.RECORDS_DEAD])
