"""Parameters are written as the driver writes them."""

import math

import pytest
from cassandra import cqltypes
from cassandra.protocol import ColumnMetadata
from cassandra.query import UNSET_VALUE, PreparedStatement
from hypothesis import given
from hypothesis import strategies as st

from connectors.cassandra.binding import Binder, serializer_of

V5 = 5
LONGS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(max_size=20)
DOUBLES = st.floats(allow_nan=True)
TEXT, DOUBLE, LONG, INSTANT = cqltypes.UTF8Type, cqltypes.DoubleType, cqltypes.LongType, cqltypes.DateType
REASON = cqltypes.TupleType.apply_parameters([TEXT, DOUBLE])
# as far as the driver's own arithmetic on instants is exact
INSTANTS = st.integers(-(2**52), 2**52)

VALUES = st.one_of(
    st.tuples(st.just(TEXT), TEXTS),
    st.tuples(st.just(DOUBLE), DOUBLES),
    st.tuples(st.just(LONG), LONGS),
    st.tuples(st.just(INSTANT), INSTANTS | st.datetimes()),
    st.tuples(st.just(cqltypes.BytesType), st.binary(max_size=20)),
    st.tuples(st.just(cqltypes.BooleanType), st.booleans()),
    st.tuples(st.just(cqltypes.MapType.apply_parameters([TEXT, DOUBLE])), st.dictionaries(TEXTS, DOUBLES)),
    st.tuples(st.just(cqltypes.MapType.apply_parameters([TEXT, cqltypes.BooleanType])), st.dictionaries(TEXTS, st.booleans())),
    st.tuples(st.just(cqltypes.ListType.apply_parameters([INSTANT])), st.lists(INSTANTS)),
    st.tuples(st.just(cqltypes.ListType.apply_parameters([REASON])), st.lists(st.tuples(TEXTS | st.none(), DOUBLES | st.none()))),
    st.tuples(st.just(REASON), st.tuples(TEXTS | st.none(), DOUBLES | st.none())),
)


def _prepared(*types: type) -> PreparedStatement:
    columns = [ColumnMetadata("prox", "table", f"c{i}", type_) for i, type_ in enumerate(types)]
    return PreparedStatement(columns, b"id", [0], "query", "prox", V5, [], b"", None)


@given(VALUES)
def test_a_value_has_the_drivers_bytes(of: tuple[type, object]) -> None:
    cql_type, value = of
    assert serializer_of(cql_type, V5)(value) == cql_type.serialize(value, V5)  # type: ignore[attr-defined]


@given(st.lists(VALUES, min_size=1, max_size=8), st.data())
def test_a_statement_is_bound_as_the_driver_binds_it(columns: list[tuple[type, object]], data: st.DataObject) -> None:
    prepared = _prepared(TEXT, *(type_ for type_, _ in columns))
    values = ["tenant", *(data.draw(st.sampled_from([value, None, UNSET_VALUE])) for _, value in columns)]
    bound = Binder(prepared).bind(values)
    assert bound.values == prepared.bind(values).values
    assert bound.routing_key == b"tenant"


def test_a_wrong_value_is_told_with_its_column() -> None:
    with pytest.raises(TypeError, match='column "c1"'):
        Binder(_prepared(TEXT, DOUBLE)).bind(["tenant", "no number"])


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="Too many"):
        Binder(_prepared(TEXT)).bind(["tenant", math.pi])


def test_a_part_of_the_key_cannot_be_left_as_it_is() -> None:
    with pytest.raises(ValueError, match="routing key 'c0'"):
        Binder(_prepared(TEXT, DOUBLE)).bind([UNSET_VALUE, math.pi])
