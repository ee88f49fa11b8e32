"""What may wait gives way: a row a moment later costs nothing that a score a moment later would."""

from collections.abc import Sequence

NICENESS = 3
"""Half of the processor time of what does not give way, where both want all of it."""
_SCRIPT = f'{{ echo {NICENESS} > /proc/self/autogroup; }} 2> /dev/null; exec nice -n {NICENESS} "$@"'


def giving_way(command: Sequence[str]) -> list[str]:
    """The command, to be started in a session of its own, as one that gives way.

    Linux shares the processor by sessions first, where `sched_autogroup_enabled` is set, and by processes where it is not: both are told.
    The process keeps its pid.
    """
    return ["sh", "-c", _SCRIPT, "sh", *command]
