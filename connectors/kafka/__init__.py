"""Kafka and its schema registry."""
