"""Which model of a tenant is champion, who made it so, and which it was before: so that one command takes it back."""

from typing import NamedTuple

from schemas.errors import SkippableError

HISTORY = 20
"""Changes remembered; nobody goes back further."""


class Change(NamedTuple):
    """A model became champion at `at` (event time in ms), by rule or by the person named."""

    model: str
    by: str
    at: int


class Standing(NamedTuple):
    """The changes so far, the latest last: never empty."""

    changes: tuple[Change, ...]

    @property
    def champion(self) -> str:
        """The model whose propensities are published."""
        return self.changes[-1].model

    def promoted(self, model: str, *, by: str, at: int) -> "Standing":
        """The standing once a model is champion; the same if it is already."""
        if model == self.champion:
            return self
        return Standing((*self.changes, Change(model, by, at))[-HISTORY:])

    def rolled_back(self) -> "Standing":
        """The standing before the last change.

        Raises
        ------
        SkippableError
            There was none before.
        """
        if len(self.changes) < 2:
            raise SkippableError(f"{self.champion} has been champion from the first: there is nothing to go back to")
        return Standing(self.changes[:-1])
