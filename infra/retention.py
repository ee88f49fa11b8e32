"""One policy for how long anything is kept: Kafka topics, Cassandra tables, the memory of a lead."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

from schemas.errors import ConfigError
from schemas.policy import DAY_MS
from schemas.topics import Topic

DAY_S = 86_400
FOREVER = -1
"""Kafka's own word for "never by age"."""

TOPIC_DAYS: Mapping[Topic, int] = MappingProxyType(
    {
        Topic.REQUESTS_RECEIVED: 3,  # people's own words, whole: a weekend to mend what reads them; each event keeps its own after that
        Topic.EVENTS_RECEIVED: 14,  # two weeks to mend a job and read its input again
        Topic.OUTCOMES_RECEIVED: 90,  # few, and a learner rebuilt from nothing needs them
        Topic.EVENTS_ENRICHED: 14,
        Topic.SCORES_PUBLISHED: 14,
        Topic.EXAMPLES_MATURED: 90,  # as long as the models that learned from them
        Topic.MODELS_PUBLISHED: 90,  # every version, so that a score of the last quarter can be computed again
        Topic.METRICS_PUBLISHED: 90,
        Topic.CHAMPIONS_CHOSEN: 90,  # as long as the models that they chose between
        Topic.PUSHES_REPORTED: 90,  # a quarter, for questions of what was shown when
        Topic.CHANGES_NOTICED: 14,  # two weeks to mend a follower and read its input again
        Topic.LINKS_CHANGED: 400,  # as long as the links themselves: a push job that begins anew must know what not to push to
        Topic.OVERRIDES_DECIDED: 400,  # as long as a score may be disputed
        Topic.RECORDS_DEAD: 30,  # a month for a person to look
        Topic.IDENTITIES_CLAIMED: 400,  # as long as what it says of leads is read: why two ids are one is answered from it
        Topic.LEADS_MOVED: 90,  # a quarter, for questions of when
    }
)

TABLE_DAYS: Mapping[str, int] = MappingProxyType(
    {
        "scores_by_lead": 400,  # thirteen months: a year can be compared with the year before
        "score_history_by_lead": 400,
        "events_by_lead": 400,
        "leads_by_band": 400,
        "leads_by_account": 400,
        "profiles_by_lead": 400,
        "traits_by_lead": 400,
        "outcomes_by_lead": 400,
        "pushes_by_lead": 400,
        "links_by_lead": 400,
        "leads_by_record": 400,
        "values_by_record": 400,  # what a CRM's records said: as long as their leads are known
        "overrides_by_lead": 400,
        "overrides_by_tenant": 400,
        "leads_by_alias": 1_200,  # an old id is kept in people's lists longer than what was written under it
        "aliases_by_lead": 1_200,
        "metrics_by_tenant": 400,
        "metric_history_by_tenant": 400,
        "models_by_tenant": 400,  # metadata only; it must outlive the scores that name the version
    }
)
"""Counted from the write, not from the event: a replay of an old data set lives as long as a fresh one.

`bands_by_tenant` is not here: it holds at most 1,536 rows a tenant and is never refreshed, so it must not expire. Nor is `cursors_by_tenant`:
a row for each CRM.
"""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long each thing is kept.

    Parameters
    ----------
    lead_memory_days
        A lead that was silent for so many days of event time is forgotten by the jobs.
    topic_days
        Days a record stays on its topic, counted by Kafka from the record's timestamp; FOREVER: it is not deleted by age.
    table_days
        Days a row stays in its table, counted from the write.

    Raises
    ------
    ConfigError
        A topic is missing, or a lead's row would vanish while the jobs still remember the lead.
    """

    lead_memory_days: int = 365
    topic_days: Mapping[Topic, int] = field(default_factory=lambda: TOPIC_DAYS)
    table_days: Mapping[str, int] = field(default_factory=lambda: TABLE_DAYS)

    def __post_init__(self) -> None:
        missing = [topic.value for topic in Topic if topic not in self.topic_days]
        short = [table for table, days in self.table_days.items() if table.endswith("_by_lead") and days < self.lead_memory_days]
        if missing or short:
            raise ConfigError(f"retention: topics without days: {missing}; tables that forget before the lead's memory does: {short}")

    def topic_ms(self, topic: Topic) -> int:
        """`retention.ms` of a topic; -1: not by age. Every topic has `cleanup.policy=delete`."""
        days = self.topic_days[topic]
        return FOREVER if days == FOREVER else days * DAY_MS

    def table_ttl_s(self, table: str) -> int:
        """`default_time_to_live` of a table, in seconds."""
        return self.table_days[table] * DAY_S

    def table_ttls_s(self) -> dict[str, int]:
        """Table → `default_time_to_live` in seconds."""
        return {table: self.table_ttl_s(table) for table in self.table_days}

    def for_replays(self) -> Self:
        """The same policy with topics that keep records of any age.

        A record's Kafka timestamp is its `occurred_at`, so a broker would delete a replayed data set of 2012 at its next
        retention check, minutes after it was written and perhaps before it was read. Where old data are replayed
        (the local stack, tests), topics must not expire by age.
        """
        return replace(self, topic_days=MappingProxyType(dict.fromkeys(Topic, FOREVER)))


POLICY = RetentionPolicy()
"""The policy of a production deployment."""
