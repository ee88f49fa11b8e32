"""`make demo`: the whole system on this machine, fed with journeys or a real data set, down to the best leads."""

from infra.demo.command import register
from infra.demo.programs import programs_left

__all__ = ["programs_left", "register"]
