"""Cassandra: one store for each question."""
