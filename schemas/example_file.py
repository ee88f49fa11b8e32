"""Matured examples in a file: an Avro object container, as any tool reads it."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import fastavro

from schemas.codec import schema_of
from schemas.errors import ConfigError
from schemas.example import MaturedExample
from schemas.ids import Millis


def write_examples(file: BinaryIO, examples: Iterable[MaturedExample]) -> None:
    """Write examples, deflated."""
    schema = fastavro.parse_schema(schema_of(MaturedExample))
    fastavro.writer(file, schema, (example._asdict() for example in examples), codec="deflate")


def read_examples(file: BinaryIO) -> Iterator[MaturedExample]:
    """The examples of a file, in its order.

    Raises
    ------
    ConfigError
        No Avro file, one of other records, or one that ends in the middle.
    """
    try:
        for record in fastavro.reader(file, reader_schema=fastavro.parse_schema(schema_of(MaturedExample))):
            assert isinstance(record, dict)
            times = {name: Millis(round(record[name].timestamp() * 1000)) for name in ("as_of", "matured_at")}
            yield MaturedExample(**(record | times))
    except (ValueError, EOFError, IndexError, TypeError, KeyError) as exc:
        raise ConfigError(f"no file of matured examples: {exc}") from exc
