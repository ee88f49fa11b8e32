"""Groups records into batches of one lane, in the JVM: what a Python operator is called with."""

from collections.abc import Sequence
from datetime import timedelta

from pyflink.common import Types
from pyflink.datastream.data_stream import DataStream, KeyedStream
from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment

from jobs.sources import Source

HEX_DIGITS = 4
"""Digits of the MD5 that choose the lane: 65,536 values, for up to 1,024 lanes even to a few percent."""

AT_ONCE = 0

LANE = Types.INT()
BATCH = Types.ROW([
    Types.OBJECT_ARRAY(Types.PRIMITIVE_ARRAY(Types.BYTE())),
    Types.OBJECT_ARRAY(Types.PRIMITIVE_ARRAY(Types.BYTE())),
    Types.OBJECT_ARRAY(Types.INT()),
    Types.LONG(),
])  # fmt: skip
"""Keys, values and origins of the records, parallel, in order of arrival; and the lane's clock."""
LANE_BATCH = Types.ROW([LANE, BATCH])


def lane_sql(key: str, lanes: int) -> str:
    """SQL for the lane of a key (BYTES): from MD5, as the engine's own hash may change between releases and the lane is part of the state."""
    md5 = f"MD5(CAST({key} AS STRING))"
    digits = " + ".join(f"(POSITION(SUBSTR({md5}, {i + 1}, 1) IN '0123456789abcdef') - 1) * {16 ** (HEX_DIGITS - 1 - i)}" for i in range(HEX_DIGITS))
    return f"MOD({digits}, {lanes})"


BY_LEAD = "k"
"""A lane by the whole key: a lead's records stay together."""
BY_TENANT = "CAST(COALESCE(SPLIT_INDEX(CAST(k AS STRING), '|', 0), '') AS BYTES)"
"""A lane by the key's tenant: what a whole tenant shares, a quota, is in one place."""


def batched(
    tables: StreamTableEnvironment,
    name: str,
    sources: Sequence[Source | None],
    *,
    lanes: int,
    window: timedelta,
    by: str = BY_LEAD,
    handed: Sequence[DataStream] = (),
) -> KeyedStream:
    """The sources' records in batches, keyed by lane, and batches that another job has `handed` over (LANE_BATCH).

    A record's origin is the place of its source in `sources`; None keeps the place of one that is handed over.

    The batch's clock is the largest watermark that any of its records met on its way in, in ms. Records wait up to a window's length
    here while watermarks pass, so the operator's own watermark may be ahead of records it has not seen; the clock never is.
    """
    view = f"{name}_records"
    union = " UNION ALL ".join(
        f"SELECT COALESCE(k, CAST('' AS BYTES)) AS k, COALESCE(v, CAST('' AS BYTES)) AS v, {origin} AS origin, et, pt FROM {source.table}"
        for origin, source in enumerate(sources)
        if source is not None
    )
    tables.create_temporary_view(
        view, tables.sql_query(f"SELECT {lane_sql(by, lanes)} AS lane, k, v, origin, pt, CURRENT_WATERMARK(et) AS clock FROM ({union})")
    )
    window_s = f"INTERVAL '{window.total_seconds():.3f}' SECOND(3)"
    batches = tables.sql_query(f"""
        SELECT lane, ROW(ks, vs, origins, clock) AS batch FROM (
            SELECT lane, ARRAY_AGG(k) AS ks, ARRAY_AGG(v) AS vs, ARRAY_AGG(origin) AS origins,
                   COALESCE(MAX(TIMESTAMPDIFF(SECOND, TO_TIMESTAMP_LTZ(0, 3), clock)), 0) * CAST(1000 AS BIGINT) AS clock
            FROM TABLE(TUMBLE(TABLE {view}, DESCRIPTOR(pt), {window_s}))
            GROUP BY window_start, window_end, lane)""")
    stream = tables.to_append_stream(batches, LANE_BATCH)
    # a batch waits for nothing once it is made; also, no thread then looks every few milliseconds whether there is one to send on
    stream._j_data_stream.getTransformation().setBufferTimeout(AT_ONCE)  # noqa: SLF001 - PyFlink has no public way
    return _keyed_by_first_field(stream.union(*handed) if handed else stream)


def _keyed_by_first_field(stream: DataStream) -> KeyedStream:
    # key_by would put a Python operator in front. KeyByKeySelector takes field 0 of the row as key; the operator is given field 1.
    selector = get_gateway().jvm.KeyByKeySelector()
    keyed = stream._j_data_stream.keyBy(selector, Types.ROW([LANE]).get_java_type_info())  # noqa: SLF001 - PyFlink has no public way
    return KeyedStream(keyed, BATCH, stream)
