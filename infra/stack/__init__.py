"""Kafka, the registry, Cassandra and Flink from pinned jars, on loopback."""
