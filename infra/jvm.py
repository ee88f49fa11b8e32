"""How JVMs of a single machine are started."""

FIRST_COMPILER = "-XX:TieredStopAtLevel=1"
"""For servers and embedded jobs that share a few cores: for its first minutes the optimising compiler takes more of them than the work it
speeds up (at 300 events a second, a minute after the start, 40 % of a core in Cassandra and 16 % in Kafka; in the jobs a third of the JVM)."""
