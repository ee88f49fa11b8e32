"""Where memories are kept: a dict in tests and replays, Flink's state in a job."""

from typing import Protocol

from models.memory import LeadMemory


class Memories(Protocol):
    """What is remembered, by `tenant|lead`: a dict in tests and replays, Flink's state in a job."""

    def load(self, key: str) -> LeadMemory:
        """The lead's memory, an empty one for a stranger. The same object until `save`."""

    def save(self, key: str, memory: LeadMemory) -> None:
        """Keep the memory as it is now."""

    def forget(self, key: str) -> None:
        """Drop the lead's memory."""

    def load_point(self, key: str, sequence: int) -> bytes:
        """The kept point of a lead."""

    def save_point(self, key: str, sequence: int, point: bytes) -> None:
        """Keep a point."""

    def drop_point(self, key: str, sequence: int) -> None:
        """Drop a point."""

    def moved_to(self, key: str) -> str | None:
        """The lead that a lead's id stands for; None: its own. Asked for outcomes and moves only."""

    def save_moved(self, key: str, to: str) -> None:
        """Keep that the id stands for another lead."""

    def drop_moved(self, key: str) -> None:
        """The id stands for its own lead."""

    def save_type(self, event_type: str) -> None:
        """Keep an event type, so that its counts can be named after a restart: called for every event."""
