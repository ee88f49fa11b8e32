"""Tokens that may be used once."""


class Tokens:
    """Remembers tokens for a while, in this process.

    Parameters
    ----------
    kept_s
        How long: not shorter than the window in which a token's signature holds.
    """

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._used_at: dict[str, float] = {}

    def is_used(self, token: str, now_s: float) -> bool:
        """Whether it was used; old ones are forgotten on the way."""
        while self._used_at:
            oldest, at = next(iter(self._used_at.items()))
            if now_s - at <= self._kept_s:
                break
            del self._used_at[oldest]
        return token in self._used_at

    def use(self, token: str, now_s: float) -> None:
        """It was used now."""
        self._used_at[token] = now_s

    def give_back(self, token: str) -> None:
        """What it was used for did not happen: its sender will try again."""
        self._used_at.pop(token, None)
