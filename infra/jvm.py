"""How JVMs of a single machine are started."""

import psutil

MIB = 1_048_576

FIRST_COMPILER = "-XX:TieredStopAtLevel=1"
"""For servers and embedded jobs that share a few cores: for its first minutes the optimising compiler takes more of them than the work it
speeds up (at 300 events a second, a minute after the start, 40 % of a core in Cassandra and 16 % in Kafka; in the jobs a third of the JVM)."""


def roomy_heap() -> str:
    """The option that begins with a heap of 1 GiB, or a sixteenth of a smaller machine's memory, for embedded jobs.

    A JVM begins with a sixty-fourth and would rather collect than grow (ADR 0051).
    """
    return f"-Xms{min(1024, psutil.virtual_memory().total // MIB // 16)}m"
