"""Parameters of a prepared statement → bytes, in less than half of the time that the driver's own `bind` takes.

The driver describes every value's column anew, and takes an instant for a number only after it was no date, by two exceptions. Types that
are not named below are left to its own serializers, so both give the same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any

from cassandra.cqltypes import DateType, DoubleType, Int32Type, ListType, LongType, MapType, TupleType, UserType, UTF8Type
from cassandra.query import UNSET_VALUE, BoundStatement, PreparedStatement

Serializer = Callable[[Any], bytes]

_LONG = Struct(">q").pack
_INT = Struct(">i").pack
_NULL = _INT(-1)
_PLAIN: Mapping[Any, Serializer] = {UTF8Type: str.encode, LongType: _LONG, Int32Type: _INT, DoubleType: Struct(">d").pack}


class Binder:
    """Binds parameters to one statement.

    Parameters
    ----------
    prepared
        The statement; its columns say how its parameters are written.
    """

    def __init__(self, prepared: PreparedStatement) -> None:
        self.prepared = prepared
        version = prepared.protocol_version
        self._serializers = [serializer_of(column.type, version) for column in prepared.column_metadata]
        self._key = prepared.routing_key_indexes or ()

    def bind(self, parameters: Sequence[object]) -> BoundStatement:
        """The statement with its parameters, one for each column: None is null, UNSET_VALUE leaves a column as it is.

        Raises
        ------
        TypeError
            A parameter is of a type that its column does not hold, named by the driver.
        ValueError
            There are too many parameters, or a part of the partition's key is UNSET_VALUE.
        """
        bound = BoundStatement(self.prepared)
        try:
            bound.values = [
                value if value is None or value is UNSET_VALUE else serialize(value)
                for value, serialize in zip(parameters, self._serializers, strict=True)
            ]
        except Exception:  # whatever it is, the driver says which column it was
            return self.prepared.bind(parameters)
        for place in self._key:
            if bound.values[place] is UNSET_VALUE:
                return self.prepared.bind(parameters)
        return bound


def serializer_of(cql_type: Any, version: int) -> Serializer:
    """How values of a column's type are written (CQL's binary protocol, version 3 on)."""
    if cql_type in _PLAIN:
        return _PLAIN[cql_type]
    if issubclass(cql_type, DateType):
        # our instants are whole milliseconds; the driver takes others too
        return lambda value: _LONG(value) if type(value) is int else _written(cql_type, value, version)
    if issubclass(cql_type, (MapType, ListType)) or (issubclass(cql_type, TupleType) and not issubclass(cql_type, UserType)):
        inner = [serializer_of(subtype, version) for subtype in cql_type.subtypes]
        if issubclass(cql_type, MapType):
            return lambda mapping: _map(mapping, *inner)
        if issubclass(cql_type, ListType):
            return lambda items: _list(items, *inner)
        return lambda items: _tuple(items, inner)
    return lambda value: _written(cql_type, value, version)


def _written(cql_type: Any, value: object, version: int) -> bytes:
    written: bytes = cql_type.serialize(value, version)
    return written


def _list(items: Sequence[object], serialize: Serializer) -> bytes:
    parts = [_INT(len(items))]
    for item in items:
        written = serialize(item)
        parts += (_INT(len(written)), written)
    return b"".join(parts)


def _map(mapping: Mapping[Any, object], key: Serializer, serialize: Serializer) -> bytes:
    parts = [_INT(len(mapping))]
    for name, value in mapping.items():
        named, written = key(name), serialize(value)
        parts += (_INT(len(named)), named, _INT(len(written)), written)
    return b"".join(parts)


def _tuple(items: Sequence[object], serializers: Sequence[Serializer]) -> bytes:
    parts: list[bytes] = []
    for item, serialize in zip(items, serializers, strict=True):
        if item is None:
            parts.append(_NULL)
        else:
            written = serialize(item)
            parts += (_INT(len(written)), written)
    return b"".join(parts)
