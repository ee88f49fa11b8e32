from dataclasses import replace

import pytest

from infra.retention import POLICY, RetentionPolicy
from schemas.errors import ConfigError
from schemas.topics import Topic


def test_every_topic_has_a_retention():
    """No topic is forgotten."""
    assert set(Topic) == set(POLICY.topic_days)


def test_days_become_the_units_of_each_system():
    """Kafka counts milliseconds, Cassandra seconds."""
    assert (90 * 86_400_000, 400 * 86_400) == (POLICY.topic_ms(Topic.MODELS_PUBLISHED), POLICY.table_ttls_s()["scores_by_lead"])


def test_replayed_topics_do_not_expire_by_age():
    """A record of 2012 has a timestamp of 2012, and must still be there to be read."""
    assert {-1} == {POLICY.for_replays().topic_ms(topic) for topic in Topic}
    assert POLICY.table_ttls_s() == POLICY.for_replays().table_ttls_s()


def test_a_row_may_not_vanish_before_the_jobs_forget_its_lead():
    """A remembered lead without a score would be a riddle."""
    with pytest.raises(ConfigError, match="scores_by_lead"):
        replace(POLICY, table_days={"scores_by_lead": 30})


def test_a_policy_without_a_topic_is_refused():
    """Start-up says which topic is missing."""
    with pytest.raises(ConfigError, match=r"prox\.events\.received"):
        RetentionPolicy(topic_days={})
