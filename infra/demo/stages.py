"""How far the records of a demo are on their way, stage by stage, and when nothing moves any more."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from connectors.kafka.config import KafkaConfig
from connectors.kafka.lag import Reach, reach
from schemas.topics import Topic


class Stage(NamedTuple):
    """A job, by what it does to what it reads, and in which operator.

    `handed`: what another job hands to it in memory (ADR 0028), by the job's name and the topic that this one reads. When that job has
    committed its reading, this one is done with it too: a checkpoint takes both at the same record.
    """

    done: str
    job: str
    operator: str
    reads: Sequence[Topic]
    handed: Mapping[str, Topic] = {}


STAGES = (
    Stage("enriched", "enrich_events", "enrich_lane", (Topic.EVENTS_RECEIVED,)),
    Stage("scored", "score_leads", "score_lane", (Topic.OUTCOMES_RECEIVED,), {"enrich_events": Topic.EVENTS_RECEIVED}),
    Stage("learned", "learn_models", "learn_tenant", (Topic.EXAMPLES_MATURED, Topic.CHAMPIONS_CHOSEN)),
    Stage("stitched", "stitch_leads", "stitch_lane", (Topic.IDENTITIES_CLAIMED,)),
    Stage(
        "stored",
        "store_results",
        "write_batch",
        (
            Topic.EVENTS_ENRICHED,
            Topic.OUTCOMES_RECEIVED,
            Topic.SCORES_PUBLISHED,
            Topic.METRICS_PUBLISHED,
            Topic.MODELS_PUBLISHED,
            Topic.PUSHES_REPORTED,
            Topic.LINKS_CHANGED,
            Topic.OVERRIDES_DECIDED,
        ),
    ),
)
"""In the order of the flow: when a stage has committed all, whatever it gives to the next is on its topic."""
PUSHED = Stage("pushed", "push_scores", "push_batch", (Topic.SCORES_PUBLISHED, Topic.LINKS_CHANGED, Topic.OVERRIDES_DECIDED, Topic.LEADS_MOVED))
"""Where there is a CRM. What it reports is stored: a push that ends late moves that stage again."""

Reaches = Mapping[str, Reach]
"""Stage → records that it has committed, and those it has not."""


def read(kafka: KafkaConfig, stages: Sequence[Stage] = STAGES) -> Reaches:
    """How far each stage is now.

    Raises
    ------
    RetriableError
        Kafka is away.
    """
    reaches = {}
    for stage in stages:
        read_by = [(stage.job, topic) for topic in stage.reads] + list(stage.handed.items())
        each = [reach(kafka, f"prox.{job}", topic) for job, topic in read_by]
        reaches[stage.done] = Reach(sum(one.done for one in each), sum(one.behind for one in each))
    return reaches


def first_score(kafka: KafkaConfig) -> bool:
    """Whether any score was published."""
    return reach(kafka, "prox.store_results", Topic.SCORES_PUBLISHED).total > 0


class Settled:
    """Tells when all is done: nothing is behind, and nothing new has come for a while.

    Behind nothing is not enough: labels mature on timers, up to a silent partition's idle timeout after the last record was committed,
    and a model is published up to half a second after its examples.

    Parameters
    ----------
    quiet_s
        How long nothing may have changed since `since`. Longer than a checkpoint's interval, the idle timeout and the timers together.
    """

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._last: Reaches = {}
        self.since = 0.0

    def is_settled(self, reaches: Reaches, at_s: float) -> bool:
        """Whether all is done, seen at this time, in seconds from any origin."""
        if reaches != self._last:
            self._last, self.since = reaches, at_s
        return not any(each.behind for each in reaches.values()) and at_s - self.since >= self._quiet_s
