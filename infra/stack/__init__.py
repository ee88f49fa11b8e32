"""Kafka, Cassandra, the registry and Flink from pinned jars, on loopback."""

from infra.stack.jars import Part
from infra.stack.stack import SERVERS, Stack

__all__ = ["SERVERS", "Part", "Stack"]
