"""What learns from matured examples: the promises."""

from typing import Protocol

from models.learning.hazard_model import HazardModel
from schemas.example import MaturedExample


class Learner(Protocol):
    """Learns hazards from interval labels.

    Promises: `learn` changes no input; `model` is a value, never changed by later learning; a learner restored from its bytes gives
    the same model and goes on learning in the same way.
    """

    name: str

    def learn(self, example: MaturedExample) -> int:
        """Learn every interval label of the example; returns how many there were."""

    def model(self) -> HazardModel:
        """What was learned so far, ready to score."""

    def to_bytes(self) -> bytes:
        """Everything needed to go on learning elsewhere."""
