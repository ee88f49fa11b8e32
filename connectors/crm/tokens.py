"""Access tokens: renewed before they end, by one request at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

EARLY_S = 60.0
"""A token is renewed so long before its end, so that it does not end on the way."""


class Token(NamedTuple):
    """What a token endpoint gave.

    Parameters
    ----------
    text
        The token. Never in a log.
    lives_s
        Seconds from now on; None: as long as it is accepted.
    base_url
        Where the account's API is, if the endpoint says so; else empty.
    """

    text: str
    lives_s: float | None = None
    base_url: str = ""


class Tokens:
    """An account's token. For one event loop.

    Parameters
    ----------
    fetch
        Asks the token endpoint. Raises AuthError if the credentials are refused.
    """

    def __init__(self, fetch: Callable[[], Awaitable[Token]]) -> None:
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._ends_at = 0.0

    async def current(self, *, refused: str = "") -> Token:
        """A token that should be good, and is not the one that was just refused.

        Whoever comes while another renews waits and gets the same: a storm of workers would meet the token endpoint's own limit.
        """
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._token is None or self._token.text == refused or now >= self._ends_at:
                self._token = await self._fetch()
                lives_s = self._token.lives_s
                self._ends_at = float("inf") if lives_s is None else now + max(lives_s - EARLY_S, lives_s / 2)
            return self._token
