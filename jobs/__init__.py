"""When it runs: Flink topologies and thin operators."""
