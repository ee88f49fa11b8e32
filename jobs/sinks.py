"""One Kafka sink for each job: records name their own topic."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from pyflink.common import Row, Types
from pyflink.datastream import DataStream
from pyflink.table import StatementSet, StreamTableEnvironment

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from schemas.ids import Millis
from schemas.topics import Topic

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
PUBLISHED = Types.ROW_NAMED(
    ["topics", "ks", "vs", "tss"],
    [Types.OBJECT_ARRAY(Types.STRING()), Types.OBJECT_ARRAY(BYTES), Types.OBJECT_ARRAY(BYTES), Types.OBJECT_ARRAY(Types.LONG())],
)
"""What an operator yields: of several records, parallel, the topics, keys, values and times in ms."""
ROW_RECORDS = 32
"""At most, in a row. Each row crosses into the JVM, and each record of it copies three of the row's arrays there: what SQL takes an element
of, Flink's generated code copies whole. (An array of tuples would not be; but PyFlink fills one Java tuple again for each of its elements.)"""

Operator = TypeVar("Operator")
P = ParamSpec("P")


class Record(NamedTuple):
    """One record to publish; `at` becomes its Kafka timestamp, which is event time to whoever reads it."""

    topic: str
    key: bytes
    value: bytes
    at: Millis


class Publisher:
    """Records for the sink, made inside an operator."""

    def __init__(self, kafka: KafkaConfig) -> None:
        self._names = {topic: topic_name(kafka, topic) for topic in Topic}

    def record(self, topic: Topic, key: bytes, value: bytes, at: Millis) -> Record:
        """One record of a topic."""
        return Record(self._names[topic], key, value, at)


def in_rows(method: Callable[Concatenate[Operator, P], Iterable[Record]]) -> Callable[Concatenate[Operator, P], Iterator[Row]]:
    """An operator's method that yields records → what Flink is given: each yield crosses into the JVM, so many records share one."""

    @wraps(method)
    def yielding(self: Operator, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Row]:
        return rows(list(method(self, *args, **kwargs)))

    return yielding


def rows(records: Sequence[Record]) -> Iterator[Row]:
    """Records as PUBLISHED rows."""
    for start in range(0, len(records), ROW_RECORDS):
        topics, keys, values, times = zip(*records[start : start + ROW_RECORDS], strict=True)
        yield Row(topics, keys, values, times)


class Sinks:
    """Where a job publishes. At-least-once: identities are deterministic, so readers upsert and nothing waits for a checkpoint."""

    def __init__(self, tables: StreamTableEnvironment, statements: StatementSet, kafka: KafkaConfig, *, job: str) -> None:
        self._tables = tables
        self._statements = statements
        self._kafka = kafka
        self._job = job

    def publish(self, stream: DataStream, topics: Iterable[Topic]) -> None:
        """Write the records of a stream of PUBLISHED rows to the topics that they name."""
        table = f"{self._job}_publishes"
        names = [topic_name(self._kafka, topic) for topic in topics]
        # the connector takes the topic from the row only where it has a choice
        topic_column, topic_value = ("topic STRING METADATA,", ", topics[n]") if len(names) > 1 else ("", "")
        options: dict[str, Any] = {
            "connector": "kafka",
            "topic": ";".join(names),
            "properties.bootstrap.servers": self._kafka.bootstrap_servers,
            "properties.linger.ms": 5,
            "properties.batch.size": 131_072,
            # of several requests under way when a broker dies, it remembers only the last after its restart, and refuses the others for ever
            "properties.max.in.flight.requests.per.connection": 1,
            "properties.compression.type": "lz4",
            "properties.max.request.size": self._kafka.max_record_bytes * 2,
            "properties.buffer.memory": self._kafka.max_record_bytes * 4,
            "properties.delivery.timeout.ms": 600_000,
            "sink.delivery-guarantee": "at-least-once",
            "key.format": "raw",
            "key.fields": "k",
            "value.format": "raw",
            "value.fields-include": "EXCEPT_KEY",
        }
        with_options = ", ".join(f"'{name}' = '{value}'" for name, value in options.items())
        self._tables.execute_sql(f"""
            CREATE TABLE {table} (
                k BYTES,
                v BYTES,
                {topic_column}
                ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
            ) WITH ({with_options})""")
        self._tables.create_temporary_view(f"{table}_rows", self._tables.from_data_stream(stream))
        self._statements.add_insert_sql(f"""
            INSERT INTO {table} SELECT ks[n], v{topic_value}, TO_TIMESTAMP_LTZ(tss[n], 3)
            FROM {table}_rows CROSS JOIN UNNEST(vs) WITH ORDINALITY AS record (v, n)""")
