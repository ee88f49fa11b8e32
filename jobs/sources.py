"""Kafka topics as tables, each with its watermark and idle timeout beside it."""

from datetime import timedelta
from typing import Any, NamedTuple

from pyflink.table import StreamTableEnvironment

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from schemas.topics import Topic

OUT_OF_ORDER = timedelta(seconds=1)
"""How much a partition's records may be out of order before they count as late."""


ENOUGH_BYTES = 1_048_576
"""What a patient reader is answered with at once."""


class Source(NamedTuple):
    """A topic that a job reads, as a table of k, v, pt (processing time) and et (event time)."""

    topic: Topic
    table: str


class Sources:
    """Makes the tables of one job.

    Parameters
    ----------
    tables
        Where the tables live.
    kafka
        Where the topics are.
    job
        Name of the job: its consumer group.
    idle_timeout
        A partition that is silent for so long stops holding event time back.
    """

    def __init__(self, tables: StreamTableEnvironment, kafka: KafkaConfig, *, job: str, idle_timeout: timedelta) -> None:
        self.tables = tables
        self._kafka = kafka
        self._job = job
        self._idle_timeout = idle_timeout

    def read(self, topic: Topic, *, patience: timedelta | None = None) -> Source:
        """The topic as a table, from its beginning or from where the job's state left off.

        With patience the broker waits so long for more before it answers: fewer, larger answers where records wait for a batch anyway.

        Event time is the record's Kafka timestamp; one that is more than a day in the future moves it nowhere, as a single wrong clock
        would otherwise end every open interval of every lead.
        """
        table = f"{self._job}_reads_{topic.name.lower()}"
        fetching: dict[str, Any] = {"max.partition.fetch.bytes": self._kafka.max_record_bytes}
        if patience is not None:
            fetching |= {"fetch.min.bytes": ENOUGH_BYTES, "fetch.max.wait.ms": round(patience.total_seconds() * 1000)}
        self.tables.execute_sql(f"""
            CREATE TABLE {table} (
                k BYTES,
                v BYTES,
                pt AS PROCTIME(),
                ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
                et AS CASE WHEN ts > CURRENT_ROW_TIMESTAMP() + INTERVAL '1' DAY THEN TO_TIMESTAMP_LTZ(0, 3) ELSE ts END,
                WATERMARK FOR et AS et - INTERVAL '{OUT_OF_ORDER.total_seconds():.0f}' SECOND
            ) WITH (
                'connector' = 'kafka',
                'topic' = '{topic_name(self._kafka, topic)}',
                'properties.bootstrap.servers' = '{self._kafka.bootstrap_servers}',
                'properties.group.id' = '{self._kafka.topic_prefix}prox.{self._job}',
                {" ".join(f"'properties.{name}' = '{value}'," for name, value in fetching.items())}
                'scan.startup.mode' = 'earliest-offset',
                'scan.watermark.idle-timeout' = '{self._idle_timeout.total_seconds() * 1000:.0f} ms',
                'key.format' = 'raw',
                'key.fields' = 'k',
                'value.format' = 'raw',
                'value.fields-include' = 'EXCEPT_KEY'
            )""")
        return Source(topic, table)
